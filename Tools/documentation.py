"""Checks the documentation against the symbols that the compiler lists: python Tools/documentation.py GRAPHS ENGINE

- Every public symbol of every module has a comment; one that throws says what, or points to where it is said.
- The table for people who come from PyTorch has every public name of the modules in `TABLED`, and names nothing else.

Before that it completes Volute's graph: the compiler lists an enum that Volute passes on from the engine without the
members that extensions gave it. Those without arguments are settings and counters for everybody; the others take raw arrays.
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "Sources/Volute/Volute.docc/ComingFromPyTorch.md"
TABLED = ["Volute", "VoluteFormats", "VoluteModels"]
MODULES = [*TABLED, "VoluteInsight"]


def symbols(graphs, module):
    """The symbols that somebody wrote, with the module whose source they are in."""
    graph = json.loads((graphs / f"{module}.symbols.json").read_text())
    inherited = {edge["source"] for edge in graph["relationships"] if "sourceOrigin" in edge}
    for symbol in graph["symbols"]:
        if symbol["identifier"]["precise"] in inherited or "location" not in symbol:
            continue
        home = symbol["location"]["uri"].split("/Sources/")[-1]
        yield symbol, home


def complete(graphs, engine):
    path = graphs / "Volute.symbols.json"
    graph = json.loads(path.read_text())
    source = json.loads((engine / "VoluteEngine.symbols.json").read_text())
    known = {symbol["identifier"]["precise"] for symbol in graph["symbols"]}
    added = [
        symbol
        for symbol in source["symbols"]
        if symbol["pathComponents"][0] == "Engine"
        and len(symbol["pathComponents"]) == 2
        and symbol["identifier"]["precise"] not in known
        and not symbol.get("functionSignature", {}).get("parameters")
    ]
    identifiers = {symbol["identifier"]["precise"] for symbol in added}
    graph["symbols"] += added
    graph["relationships"] += [edge for edge in source["relationships"] if edge["source"] in identifiers]
    path.write_text(json.dumps(graph))


def name(symbol):
    return symbol["pathComponents"][-1].split("(")[0]


def lacking_comments(graphs):
    for module in MODULES:
        for symbol, home in symbols(graphs, module):
            line = symbol["location"]["position"]["line"] + 1
            place = f"{home}:{line}: {'.'.join(symbol['pathComponents'])}"
            comment = "\n".join(line["text"] for line in symbol.get("docComment", {}).get("lines", []))
            # Without what stands in brackets, such as a parameter that throws.
            declaration = "".join(fragment["spelling"] for fragment in symbol["declarationFragments"])
            while "(" in declaration and declaration != (shorter := re.sub(r"\([^()]*\)", "", declaration)):
                declaration = shorter
            if not comment:
                yield f"{place} has no comment"
            elif "throws" in declaration and not re.search(r"Throws:|See\s", comment):
                yield f"{place} does not say what it throws"


def table_differences(graphs):
    known, wanted = set(), set()
    for module in MODULES:
        for symbol, home in symbols(graphs, module):
            known.update(part.split("(")[0] for part in symbol["pathComponents"])
            if module in TABLED and home.startswith(f"{module}/"):
                wanted.add(name(symbol))
    text = TABLE.read_text()
    # In a table a bar is written with a backslash before it.
    spans = [span.replace("\\|", "|") for span in re.findall(r"`([^`\n]+)`", text)]
    found = set()
    for span in spans:
        found.update(re.split(r"[.(:\s]", span))
        found.add(span)
    for missing in sorted(wanted - found):
        yield f"{TABLE.name} does not have {missing}"
    for row in re.findall(r"^\|(.*)\|$", text, flags=re.MULTILINE):
        # The last cell is Volute's; what it calls an argument ends in a colon, an expression has brackets.
        for span in re.findall(r"`([^`]+)`", re.split(r"(?<!\\)\|", row)[-1]):
            span = span.replace("\\|", "|")
            if re.search(r"[\[(:]", span):
                continue
            parts = span.split(".") if span[0].isalpha() else [span]
            for part in parts:
                if part not in known:
                    yield f"{TABLE.name} has {span}, which does not exist"


def main():
    graphs, engine = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    complete(graphs, engine)
    problems = [*lacking_comments(graphs), *table_differences(graphs)]
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
