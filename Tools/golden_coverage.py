"""Which cells of operation x rank x dtype x mode x batched the cases cover, and why the others are empty."""

import collections
import itertools

from golden_core import ALL, INTS, RANKS

SIGNED = [dtype for dtype in INTS if dtype != "uint8"]
PADDING = ["zeros", "reflect", "replicate", "circular"]
MODES = {
    "conv": PADDING,
    "conv_transpose": PADDING,
    "pad": ["constant", "reflect", "replicate", "circular"],
    "max_pool": ["-"],
    "avg_pool": ["-"],
    "lp_pool": ["-"],
    "adaptive_avg_pool": ["-"],
    "adaptive_max_pool": ["-"],
    "max_unpool": ["-"],
    "interpolate": ["nearest", "nearest-exact", "linear", "bicubic", "area"],
    "unfold": ["-"],
    "fold": ["-"],
}


def reason(op, text, rank=None, dtype=None, mode=None, batched=None):
    return {"op": op, "rank": rank, "dtype": dtype, "mode": mode, "batched": batched, "reason": text}


def reasons():
    """Every reason for an empty cell; None stands for any."""
    rows = []
    for op in ["conv", "conv_transpose", "max_pool", "adaptive_max_pool", "max_unpool"]:
        rows.append(reason(op, "bool has no arithmetic here: refused, as PyTorch refuses it", dtype="bool"))
    for mode in ["reflect", "replicate"]:
        rows.append(reason("pad", "PyTorch pads bool only with a constant or around the circle", dtype="bool", mode=mode))
    for op, text in {
        "avg_pool": "an average of integers is not an integer: refused (PyTorch refuses all but int64, which it truncates)",
        "lp_pool": "a norm of integers is not an integer: refused (PyTorch promotes them to float32)",
        "adaptive_avg_pool": "an average of integers is not an integer: refused, as PyTorch refuses it",
    }.items():
        rows += [reason(op, text, dtype=dtype) for dtype in INTS + ["bool"]]
    rows.append(reason("interpolate", "interpolation takes batched input only, as in PyTorch", batched=False))
    for dtype in SIGNED + ["bool"]:
        rows.append(reason("interpolate", "refused, as PyTorch refuses every integer type but uint8", dtype=dtype))
    for rank in [1, 3]:
        rows.append(
            reason("interpolate", "uint8 is interpolated linearly in 2-D only, as in PyTorch", rank=rank, dtype="uint8", mode="linear")
        )
        rows.append(reason("interpolate", "bicubic is 2-D by its name", rank=rank, mode="bicubic"))
    rows.append(reason("interpolate", "area is an average: no integers", dtype="uint8", mode="area"))
    return rows


def matches(row, cell):
    return all(row[key] is None or row[key] == value for key, value in zip(["op", "rank", "dtype", "mode", "batched"], cell))


def cells():
    for op, modes in MODES.items():
        yield from itertools.product([op], RANKS, ALL, modes, [True, False])


def coverage(families):
    """coverage.json's contents and the cases per cell; a cell with neither a case nor a reason is an error."""
    counts, refusals, outside = collections.Counter(), collections.Counter(), collections.Counter()
    grid = set(cells())
    for case in (line for family in families for line in family.lines if "name" in line):
        cell = (case["op"], case["rank"], case["dtype"], case["mode"], case["batched"])
        if "error" in case:
            refusals[case["op"]] += 1
        elif cell in grid:
            counts[cell] += 1
        elif case["op"] in MODES:
            outside[case["op"]] += 1
    rows = reasons()
    for cell in cells():
        explained = any(matches(row, cell) for row in rows)
        assert explained != (counts[cell] > 0), f"{cell}: {counts[cell]} cases, {'a' if explained else 'no'} reason"
    table = {
        "operations": {op: {"ranks": RANKS, "dtypes": ALL, "modes": modes, "batched": [True, False]} for op, modes in MODES.items()},
        "reasons": rows,
    }
    return table, counts, refusals, outside


def learning(families):
    """Cases of gradients, layers and optimisers: how many an operation, a layer or an optimiser has."""
    titles = {
        "gradients.jsonl": "Gradients and second gradients of the cases above",
        "operations.jsonl": "Outputs, gradients and second gradients",
        "layers.jsonl": "Layers",
        "optimizers.jsonl": "Optimisers, schedules, initial values",
    }
    out = []
    for family in families:
        if family.file in titles:
            counts = collections.Counter(line["op"] for line in family.lines)
            shown = ", ".join(f"{op} {count}" for op, count in counts.items())
            out += [f"## {titles[family.file]}", "", shown + ".", ""]
    return out


def markdown(families, counts, refusals, outside):
    """The same for people."""
    rows = reasons()
    texts = list(dict.fromkeys(row["reason"] for row in rows))
    out = [
        "# Coverage of the golden cases",
        "",
        "Made by `Tools/golden.py`; do not edit.",
        "",
        "Each cell shows batched / unbatched cases with an answer; a letter stands for a reason (below) why there are none.",
        "",
    ]
    letter = lambda text: chr(ord("a") + texts.index(text))

    def shown(cell):
        why = next((row["reason"] for row in rows if matches(row, cell)), None)
        return letter(why) if why else str(counts[cell])

    for op, modes in MODES.items():
        columns = list(itertools.product(modes, RANKS))
        heads = [f"{rank}-D" if mode == "-" else f"{mode} {rank}-D" for mode, rank in columns]
        cases = sum(count for cell, count in counts.items() if cell[0] == op)
        out += [
            f"## {op}",
            "",
            f"{cases} cases in the table, {outside[op]} beyond it (rank 4, mixed modes), {refusals[op]} refusals.",
            "",
            "| | " + " | ".join(heads) + " |",
            "| --- |" + " --- |" * len(heads),
        ]
        for dtype in ALL:
            pairs = [" / ".join(shown((op, rank, dtype, mode, batched)) for batched in [True, False]) for mode, rank in columns]
            out.append(f"| {dtype} | " + " | ".join(pairs) + " |")
        out.append("")
    out += learning(families)
    out += (
        ["## Reasons", ""]
        + [f"- {letter(text)}: {text}" for text in texts]
        + ["", "## Files", "", "| file | lines | refusals |", "| --- | --- | --- |"]
    )
    for family in families:
        out.append(f"| {family.file} | {len(family.lines)} | {sum('error' in line for line in family.lines)} |")
    return "\n".join(out) + "\n"
