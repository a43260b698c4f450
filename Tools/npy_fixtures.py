"""Makes Tests/VoluteFormatsTests/Fixtures with NumPy, so that the readers meet files that another hand wrote.

    python3 Tools/npy_fixtures.py Tests/VoluteFormatsTests/Fixtures

Every array holds the numbers 0, 1, 2, ... in C order of its shape, less 3 where the type is signed; the test
computes the same. `ml_dtypes` provides bfloat16.
"""

import io
import sys
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)


def numbers(shape, dtype):
    dtype = np.dtype(dtype)
    start = 0 if dtype.kind in "ub" else -3
    values = np.arange(start, start + int(np.prod(shape)))
    if dtype.kind == "b":
        values = values % 2
    return values.reshape(shape).astype(dtype)


TYPES = ["<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "|b1"]
for descr in TYPES:
    np.save(out / f"{descr[1:]}.npy", numbers((2, 3), descr))
    if descr[0] == "<":
        np.save(out / f"{descr[1:]}_big.npy", numbers((2, 3), ">" + descr[1:]))
np.save(out / "bfloat16.npy", numbers((2, 3), ml_dtypes.bfloat16))
np.save(out / "fortran.npy", np.asfortranarray(numbers((2, 3, 4), "<f4")))
np.save(out / "fortran_big.npy", np.asfortranarray(numbers((2, 3, 4), ">i4")))
np.save(out / "scalar.npy", np.array(7, dtype="<f8"))
np.save(out / "empty.npy", np.zeros((2, 0, 3), dtype="<f4"))
np.save(out / "vector.npy", numbers((5,), "<i8"))
for version in [(2, 0), (3, 0)]:
    with open(out / f"version{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, numbers((2, 3), "<f4"), version=version)
np.save(out / "object.npy", np.array([None, 1], dtype=object), allow_pickle=True)
np.save(out / "structured.npy", np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
np.save(out / "complex.npy", np.zeros(2, dtype="<c8"))

arrays = {
    "weight": numbers((2, 3), "<f4"),
    "layer/bias": numbers((3,), "<f8"),
    "step": np.array(7, dtype="<i8"),
    "größe": numbers((2,), "|u1"),
}
np.savez(out / "stored.npz", **arrays)
np.savez_compressed(out / "deflated.npz", **arrays)


class Pipe(io.RawIOBase):
    """A sink that cannot seek: zipfile then writes data descriptors."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


with open(out / "descriptors.npz", "wb") as file:
    with zipfile.ZipFile(Pipe(file), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array)
            archive.writestr(name + ".npy", member.getvalue())
        archive.writestr("README.txt", "not an array")
