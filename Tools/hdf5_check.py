"""Passes showers between the command, built with HDF5, and h5py.

    python3 Tools/hdf5_check.py .build-hdf5/debug/volute
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np


def volute(*words, fails=False):
    done = subprocess.run([sys.argv[1], *map(str, words)], capture_output=True, text=True)
    if (done.returncode != 0) != fails:
        sys.exit(f"volute {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stderr if fails else done.stdout


def expect(truth, what):
    if not truth:
        sys.exit(f"not so: {what}")


with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    for ending in ("hdf5", "npz"):
        volute("sample", "calo", "--synthetic", "small", "--count", 40, "-o", folder / f"ours.{ending}")
    wanted = np.load(folder / "ours.npz")
    with h5py.File(folder / "ours.hdf5") as file:
        expect(sorted(file) == ["incident_energies", "showers"], "the names are CaloChallenge's")
        for key, data in file.items():
            expect(data.compression == "gzip" and data.chunks, f"{key} is deflated, in chunks")
            expect(np.array_equal(data[:], wanted[key]), f"{key} is what the archive has")
    arrays = {key: wanted[key] for key in wanted.files}

    def written(name, dtype=np.float64, **others):
        with h5py.File(folder / name, "w") as file:
            for key, data in {**arrays, **others}.items():
                if data is not None:
                    file.create_dataset(key, data=data.astype(dtype), compression="gzip", chunks=True)
        return folder / name

    for dtype in (np.float32, np.float64):
        theirs = written("theirs.hdf5", dtype)
        found = volute("evaluate", "calo", "--reference", folder / "ours.npz", "--samples", theirs, "--classify", 0)
        powers = [line.split()[0] for line in found.splitlines() if line.startswith("      ")]
        expect(len(powers) > 5 and set(powers) == {"0.00000"}, f"h5py's {dtype.__name__} are the same showers:\n{found}")
    logs = []
    for data in (folder / "ours.npz", theirs):
        volute("train", "calo", "--widths", "8,8,8", "--batch-size", 4, "--steps", 2, "--data", data, "--log", folder / "log.csv")
        logs.append((folder / "log.csv").read_text())
    expect(logs[0] == logs[1], "training is the same from either file")

    def refused(path, *texts):
        found = volute("train", "calo", "--data", path, fails=True)
        for text in (str(path), *texts):
            expect(text in found, f"'{text}' is in: {found}")

    bytes_ = theirs.read_bytes()
    (folder / "cut.hdf5").write_bytes(bytes_[: len(bytes_) // 2])
    refused(folder / "cut.hdf5", "truncated", str(len(bytes_)))
    (folder / "text.h5").write_text("energy")
    refused(folder / "text.h5", "no HDF5 file")
    refused(written("key.hdf5", incident_energies=None), "'incident_energies'")
    refused(written("few.hdf5", showers=arrays["showers"][:, :100]), "'showers'", "[40, 100]", "576")
    for value, text in ((np.nan, "nan"), (-1.0, "-")):
        odd = arrays["showers"].copy()
        odd[31, 7] = value
        refused(written("odd.hdf5", showers=odd), "'showers', voxel 7 of shower 31", text)
    refused(written("far.hdf5", incident_energies=arrays["incident_energies"] * 1e6), "'incident_energies'", "1.0 to 1000.0")
    refused(written("whole.hdf5", np.int32), "'showers'", "real numbers")
print("HDF5 passes between the command and h5py")
