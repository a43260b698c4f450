"""What every family of golden cases shares: the file format, generated tensors, running PyTorch in a
wider type where it lacks one, and padding by index gathers (the oracle for what PyTorch cannot pad).

The format is described in Tests/VoluteTests/Golden/README.md.
"""

import itertools
import json
import math
import re

import numpy as np
import torch

DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "int64": torch.int64,
    "uint8": torch.uint8,
    "bool": torch.bool,
}
FLOATS = ["float16", "bfloat16", "float32", "float64"]
HALVES = ["float16", "bfloat16"]
INTS = ["int8", "int16", "int32", "int64", "uint8"]
NUMBERS = FLOATS + INTS
ALL = NUMBERS + ["bool"]
RANKS = [1, 2, 3]


def dtype_name(dtype):
    """ "float32" for torch.float32."""
    return str(dtype).removeprefix("torch.")


# Numbers


def shortest(value, dtype):
    """The number that JSON should show: the shortest decimals that read back as `value` in `dtype`."""
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 2**53 and not (value == 0 and math.copysign(1, value) < 0):
        return int(value)
    if dtype == torch.float64:
        return value
    for digits in range(1, 18):
        text = float(f"{value:.{digits}g}")
        if torch.tensor(text, dtype=torch.float64).to(dtype).double().item() == value:
            return text
    raise AssertionError(f"{value} has no decimals in {dtype}")


def flat(tensor):
    """The elements in C order, as JSON numbers."""
    tensor = tensor.detach().contiguous().reshape(-1)
    if tensor.dtype.is_floating_point:
        return [shortest(value, tensor.dtype) for value in tensor.double().tolist()]
    return [int(value) for value in tensor.tolist()]


def literal(tensor):
    """A tensor with its data written out."""
    return {"shape": list(tensor.shape), "dtype": dtype_name(tensor.dtype), "data": flat(tensor)}


def generated(shape, dtype, seed):
    """The tensor that `seed` stands for; the Swift tests hold the same generator.

    state = seed, then for each element state = state * 6364136223846793005 + 1442695040888963407 mod 2^64
    and v = (state >> 33) % 33 - 16. Floats are v / 8, signed integers v, uint8 v + 16, bool v > 0.
    """
    state, values = seed, []
    for _ in range(math.prod(shape)):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((state >> 33) % 33 - 16)
    if dtype.is_floating_point:
        values = [value / 8 for value in values]
    elif dtype == torch.uint8:
        values = [value + 16 for value in values]
    elif dtype == torch.bool:
        values = [value > 0 for value in values]
    return torch.tensor(values, dtype=dtype).reshape(shape)


class Input:
    """An input tensor with the words that the file has for it."""

    def __init__(self, tensor, spec):
        self.t = tensor
        self.spec = spec


# Families: one file each


class Family:
    """The cases of one file, in order."""

    def __init__(self, file, how):
        self.file = file
        self.how = how
        self.lines = []
        self.seed = 0
        self.names = set()

    def gen(self, dtype, *shape):
        """A generated input with the family's next seed."""
        self.seed += 1
        tensor = generated(shape, DTYPES[dtype], self.seed)
        return Input(tensor, {"shape": list(shape), "dtype": dtype, "seed": self.seed})

    def lit(self, values, dtype="float32"):
        """An input with its data written out."""
        tensor = values if torch.is_tensor(values) else torch.tensor(values, dtype=DTYPES[dtype])
        return Input(tensor, literal(tensor))

    def _case(self, op, rank, dtype, mode, batched, inputs, args, label):
        kind = "" if mode == "-" else f"-{mode}"
        stem = f"{op}{rank}d-{dtype}{kind}-{'batched' if batched else 'unbatched'}{'-' + label if label else ''}"
        number = next(n for n in itertools.count(1) if f"{stem}-{n}" not in self.names)
        self.names.add(f"{stem}-{number}")
        return {
            "name": f"{stem}-{number}",
            "op": op,
            "rank": rank,
            "dtype": dtype,
            "mode": mode,
            "batched": batched,
            "inputs": {key: value.spec for key, value in inputs.items() if value is not None},
            "args": args,
        }

    def add(self, op, rank, dtype, inputs, args, outputs, how, mode="-", batched=True, label="", **extra):
        """A case with an answer."""
        case = self._case(op, rank, dtype, mode, batched, inputs, args, label)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        case["outputs"] = [literal(output) for output in outputs]
        case["how"] = how
        case.update(extra)
        self.lines.append(case)

    def fail(self, op, rank, dtype, inputs, args, refused, how, mode="-", batched=True, label="error"):
        """A case that is refused: `refused` is a call that must raise, or the text of Volute's own refusal."""
        case = self._case(op, rank, dtype, mode, batched, inputs, args, label)
        case["error"] = refused if isinstance(refused, str) else error_text(refused)
        case["how"] = how
        self.lines.append(case)

    def line(self, **fields):
        """A line that is not shaped like a case (promotion, printing, random)."""
        self.lines.append(fields)

    def text(self):
        """The file's bytes."""
        header = {"op": "header", "made_by": "Tools/golden.py", "torch": torch.__version__.split("+")[0], "how": self.how}
        rows = [header] + self.lines
        return "".join(json.dumps(row, separators=(",", ":"), allow_nan=False) + "\n" for row in rows)


def error_text(call):
    """What the exception that `call` must raise says, without a C++ backtrace."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - any refusal is the answer here
        text = str(error).split("\nException raised")[0].strip()
        # einops prints Python sets, whose order changes from run to run
        return re.sub(r"\{('\w+'(?:, '\w+')+)\}", lambda match: "{" + ", ".join(sorted(match[1].split(", "))) + "}", text)
    raise AssertionError("expected an error")


# Running PyTorch where it has the type, and by an equivalent computation where it has not


def unsupported(error):
    return "not implemented for" in str(error) or "not supported" in str(error)


def evaluate(call, *tensors, moves=False):
    """`call(*tensors)` and a remark about the type in which it was computed.

    float16 and bfloat16 are computed in float32 and rounded once; integers in int64 (float64 where PyTorch has no
    int64 kernel: the values stay exact) and wrapped. `moves`: the operation only moves values, so PyTorch's own kernel
    is asked first. Only outputs in the wide type are narrowed: indices and masks stay.
    """
    dtype = tensors[0].dtype
    wide = {torch.float32: [torch.float32], torch.float64: [torch.float64]}.get(dtype)
    if wide is None:
        wide = [torch.float32] if dtype.is_floating_point else [torch.int64, torch.float64]
    if moves:
        wide = [dtype] + [w for w in wide if w != dtype]
    for type_ in wide:
        try:
            outputs = call(*[tensor.to(type_) for tensor in tensors])
        except RuntimeError as error:
            if type_ is not wide[-1] and unsupported(error):
                continue
            raise
        single = torch.is_tensor(outputs)
        outputs = [outputs] if single else list(outputs)
        outputs[0] = narrow(outputs[0], dtype)
        if type_ == dtype:
            remark = ""
        elif dtype.is_floating_point:
            remark = f", computed in {dtype_name(type_)} and rounded once"
        else:
            remark = f", computed in {dtype_name(type_)} and wrapped"
        return (outputs[0] if single else outputs), remark
    raise AssertionError


def narrow(tensor, dtype):
    """Rounds to a float type once, or wraps to an integer type (through int64)."""
    if not dtype.is_floating_point and tensor.dtype.is_floating_point and dtype != torch.bool:
        tensor = tensor.to(torch.int64)
    return tensor.to(dtype)


# Padding by index gathers


def pad_indices(size, before, after, mode):
    """For each position of the padded axis the input position it reads, or None for a constant."""
    if mode == "circular":  # crops first, then wraps, as often as it takes
        kept = list(range(max(0, -before), size - max(0, -after)))
        before, after = max(0, before), max(0, after)
        return [kept[i % len(kept)] for i in range(-before, len(kept) + after)]
    if mode == "reflect":
        assert before < size and after < size
        return [(-i if i < 0 else 2 * (size - 1) - i if i >= size else i) for i in range(-before, size + after)]
    if mode == "replicate":
        return [min(max(i, 0), size - 1) for i in range(-before, size + after)]
    return [i if 0 <= i < size else None for i in range(-before, size + after)]


def pad_axis(tensor, axis, before, after, mode, value=0):
    """One axis padded in one mode. Differentiable; negative amounts crop."""
    where = pad_indices(tensor.shape[axis], before, after, mode)
    if tensor.shape[axis] == 0:
        shape = list(tensor.shape)
        shape[axis] = len(where)
        return torch.full(shape, value, dtype=tensor.dtype)
    gathered = tensor.index_select(axis, torch.tensor([i or 0 for i in where], dtype=torch.int64))
    if None not in where:
        return gathered
    shape = [1] * tensor.dim()
    shape[axis] = len(where)
    outside = torch.tensor([i is None for i in where]).reshape(shape)
    return torch.where(outside, torch.tensor(value, dtype=tensor.dtype), gathered)


def pad_spatial(tensor, pairs, modes, value=0):
    """The last axes padded one after another; pairs and modes are first spatial axis first."""
    for offset, ((before, after), mode) in enumerate(zip(pairs, modes)):
        tensor = pad_axis(tensor, tensor.dim() - len(pairs) + offset, before, after, mode, value)
    return tensor


NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "zeros": "constant", "constant": "constant"}


def check_padding():
    """The gathers against numpy's own padding, which also wraps more than once."""
    for mode, numpy_mode in NUMPY_MODES.items():
        for size, before, after in [(5, 2, 1), (4, 3, 3), (5, 0, 4)] + ([(3, 7, 8), (1, 2, 5)] if mode == "circular" else []):
            x = torch.arange(1, size + 1)
            ours = pad_axis(x, 0, before, after, mode)
            assert ours.tolist() == np.pad(x.numpy(), (before, after), mode=numpy_mode).tolist(), mode
