"""Makes the small files that the tests of showers read, as others would make them: with PyTorch and h5py.

    python3 Tools/calo_fixtures.py Tests/VoluteModelsTests/Reference
"""

import sys
from pathlib import Path

import h5py
import numpy as np
import torch

from cylindrical_unet import CondUnet

out = Path(sys.argv[1])

# A network of 4 layers, 8 angles and 6 radii, as a training script leaves it: within a dictionary, behind prefixes, and to
# save space in half precision.
size, channels, widths = (4, 8, 6), 3, (8, 8, 8)
torch.manual_seed(5)
network = CondUnet(size, channels, widths).half()
state = {f"module.model.{key}": value for key, value in network.state_dict().items()}
network = network.float()
z, _, r = size
middles = (torch.arange(r) + 0.5) / (r - 0.5)
shower = torch.randn(2, 1, *size, generator=torch.Generator().manual_seed(6))
x = torch.cat(
    [shower, middles.expand(2, 1, *size), (torch.arange(z) / z)[:, None, None].expand(2, 1, *size)], 1)
energy, time = torch.tensor([0.25, 0.75]), torch.tensor([0.9, 0.1])
with torch.no_grad():
    result = network(x, energy, time)
torch.save(
    {
        "epoch": 3,
        "model_state_dict": state,
        "golden": {"showers": shower.flatten(1), "energy": energy, "time": time, "output": result.flatten(1)},
    },
    out / "condunet_tiny.pth", _use_new_zipfile_serialization=False)

# Showers as CaloChallenge has them: float64, deflated, in chunks that are not whole rows.
count, voxels = 12, 12 * 8 * 6
shower, voxel = np.indices((count, voxels))
with h5py.File(out / "showers_small.hdf5", "w") as file:
    energies = 1000.0 * (1 + np.arange(count))[:, None]
    file.create_dataset("incident_energies", data=energies, compression="gzip")
    data = np.where(voxel % 3 == 0, 0.5 * (shower + voxel % 7), 0.0)
    file.create_dataset("showers", data=data, compression="gzip", chunks=(5, 100))
