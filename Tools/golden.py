#!/usr/bin/env python3
"""Writes the golden cases that Volute's tests compare themselves with.

    python3 -m pip install -r Tools/requirements.txt
    python3 Tools/golden.py            # write Tests/VoluteTests/Golden
    python3 Tools/golden.py --check    # write nothing; fail if a file would change

Running it again leaves every file as it is: last digits, which are the processor's, make no difference. How the answers
are made:

- PyTorch on the CPU, one thread, wherever it has the operation for the type.
- float16 and bfloat16 arithmetic: in float32 on the same values, rounded once at the end.
- Integers: in int64 (in float64, where every value is exact, if PyTorch has no int64 kernel), wrapped to the type.
- What PyTorch has not (padding per side, a padding mode per axis, wrapping more than once, `same` with a stride, transposed
  convolution in every padding mode, unfold and fold in 1-D and 3-D, convolution in 4-D): oracles built from index gathers,
  strided slices, loops and vector-Jacobian products. Where PyTorch has it too, the oracle is compared with PyTorch first.

Each case says in "how" which of these it is. The format is described in Tests/VoluteTests/Golden/README.md.

    golden_core.py      the format, generated tensors, wider types, padding by gathers
    golden_conv.py      convolution, transposed convolution, padding
    golden_pool.py      pooling, unpooling, interpolation, unfold and fold
    golden_tensor.py    tensor operations, promotion, printing, random numbers
    golden_gradients.py gradients and second gradients of all these, and activations, norms, losses, indexing
    golden_layers.py    layers: initial weights, keys, outputs, gradients, running statistics, refusals
    golden_optimizers.py steps of optimisers, rates of schedules, initial values
    golden_coverage.py  the table of what is covered
"""

import json
import pathlib
import sys
import warnings

import numpy
import torch

import golden_conv
import golden_core
import golden_coverage
import golden_gradients
import golden_layers
import golden_optimizers
import golden_pool
import golden_tensor

FAMILIES = [
    golden_conv.conv,
    golden_conv.conv_transpose,
    golden_conv.pad,
    golden_pool.max_pool,
    golden_pool.avg_pool,
    golden_pool.lp_pool,
    golden_pool.adaptive_pool,
    golden_pool.max_unpool,
    golden_pool.interpolate,
    golden_pool.unfold,
    golden_tensor.tensor,
    golden_tensor.promotion,
    golden_tensor.printing,
    golden_tensor.random,
]
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "VoluteTests" / "Golden"


def files():
    """Every file's name and text."""
    golden_core.check_padding()
    families = [family() for family in FAMILIES]
    table, *numbers = golden_coverage.coverage(families)
    families.append(golden_gradients.gradients(families))
    families += [golden_gradients.extras(), golden_layers.layers(), golden_optimizers.optimizers()]
    result = {family.file: family.text() for family in families}
    result["coverage.json"] = json.dumps(table, indent=1) + "\n"
    result["coverage.md"] = golden_coverage.markdown(families, *numbers)
    return result


def alike(first, second):
    """Whether two values of rows are the same but for how the last digits are rounded."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(alike(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(alike, first, second))
    if isinstance(first, float) and isinstance(second, float):
        single = all(float(str(numpy.float32(value))) == value for value in (first, second))
        return abs(first - second) <= (1e-6 if single else 1e-12) * max(1, abs(first), abs(second))
    return type(first) is type(second) and first == second


def holds(path, text):
    """Whether a file has the text, or rows that are alike."""
    if not path.exists():
        return False
    old = path.read_text()
    if old == text or path.suffix != ".jsonl":
        return old == text
    rows = [[json.loads(line) for line in lines.splitlines()] for lines in (old, text)]
    return alike(*rows)


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    changed = []
    for name, text in files().items():
        path = GOLDEN / name
        if not holds(path, text):
            changed.append(name)
            if "--check" not in sys.argv:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    print("changed: " + ", ".join(changed) if changed else "nothing changed")
    return 1 if changed and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
