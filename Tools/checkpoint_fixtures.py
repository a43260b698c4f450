"""Makes the checkpoints and safetensors files of Tests/VoluteFormatsTests/Fixtures with PyTorch.

    python3 Tools/checkpoint_fixtures.py Tests/VoluteFormatsTests/Fixtures

Every tensor holds 0, 1, 2, ... in C order of its shape, less 3 where the type is signed; the tests compute the same.
"""

import collections
import os
import pickle
import sys
from pathlib import Path

import safetensors.torch
import torch

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)

TYPES = {
    "float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32, "float64": torch.float64,
    "int8": torch.int8, "int16": torch.int16, "int32": torch.int32, "int64": torch.int64,
    "uint8": torch.uint8, "bool": torch.bool,
}  # fmt: skip
UNSIGNED = {"uint16": torch.uint16, "uint32": torch.uint32, "uint64": torch.uint64}


def numbers(shape, dtype):
    count = torch.Size(shape).numel()
    if dtype == torch.bool:
        return (torch.arange(count) % 2 == 1).reshape(shape)
    start = 0 if dtype == torch.uint8 or dtype in UNSIGNED.values() else -3
    return torch.arange(start, start + count).to(dtype).reshape(shape)


def save(value, name, **options):
    """In both forms."""
    torch.save(value, out / f"{name}.pt", **options)
    torch.save(value, out / f"{name}_legacy.pth", _use_new_zipfile_serialization=False, **options)


everything = {name: numbers((2, 3), dtype) for name, dtype in TYPES.items()}
save(everything, "types")
torch.save({name: numbers((2, 3), dtype) for name, dtype in UNSIGNED.items()}, out / "unsigned.pt")

base = numbers((3, 4), torch.float32)
save(
    {
        "whole": base,
        "transposed": base.t(),
        "row": base[1],
        "column": base[:, 1],
        "broadcast": base[:1].expand(2, 4),
        "parameter": torch.nn.Parameter(base[1:]),
        "scalar": torch.tensor(7.0, dtype=torch.float64),
        "empty": torch.zeros(2, 0, 3),
        "single": base[2:, 3:],
    },
    "views",
)

# A module's own dictionary: ordered, with the versions of its modules beside it.
model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 2), torch.nn.BatchNorm2d(2))
for name, value in model.state_dict().items():
    value.copy_(numbers(value.shape, value.dtype))
optimizer = torch.optim.Adam(model.parameters(), lr=0.5)
for parameter in model.parameters():
    parameter.grad = torch.ones_like(parameter)
optimizer.step()
for name, value in model.state_dict().items():
    value.copy_(numbers(value.shape, value.dtype))
save(
    {
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "best": 0.25,
        "note": "größe",
        "done": True,
        "nothing": None,
        "shape": base.shape,
        "raw": b"\x00\xff",
        "names": {"a"},
        "device": torch.device("cuda:0"),
        "dtype": torch.float32,
        "large": -(2**70),
        "negative": -5,
        "wide": 2**40,
        "tuple": (1, "two", [3.5]),
        "counts": {0: "zero", (1, 2): "pair"},
    },
    "run",
)
torch.save(numbers((2, 3), torch.float32), out / "tensor.pt")
torch.save([base, {"bias": base[0]}], out / "protocol4.pt", pickle_protocol=4)
torch.save(base.untyped_storage(), out / "storage.pt")


class Hostile:
    def __reduce__(self):
        return os.system, ("touch /tmp/volute-was-here",)


save({"weight": base, "hook": Hostile()}, "hostile")
save(collections.Counter("abc"), "counter")
(out / "other.pkl").write_bytes(pickle.dumps({"weight": 1}, protocol=2))
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 1)), out / "program.pt")
save({"complex": torch.zeros(2, dtype=torch.complex64)}, "complex")

safetensors.torch.save_file(everything, out / "types.safetensors", metadata={"format": "pt"})
safetensors.torch.save_file(
    {name: numbers((2, 3), dtype) for name, dtype in UNSIGNED.items()}, out / "unsigned.safetensors"
)
safetensors.torch.save_file(
    {'a "quoted"\\\n\x01/größe': base, "scalar": torch.tensor(7.0), "empty": torch.zeros(2, 0, 3)},
    out / "names.safetensors",
)
safetensors.torch.save_file({}, out / "empty.safetensors")
safetensors.torch.save_file({"complex": torch.zeros(2, dtype=torch.complex64)}, out / "complex.safetensors")
