#!/usr/bin/env python3
"""Trains and samples the cylindrical U-Net on synthetic showers in Volute and in PyTorch, and compares.

    swift build -c release
    python3 Tools/calo_peers.py losses   --preset dataset2 --batch 16 --steps 250
    python3 Tools/calo_peers.py quality  --preset dataset2 --batch 16 --steps 2000
    python3 Tools/calo_peers.py sampling --preset dataset2

`losses` trains both from the same weights on the same batches, levels and noise, and compares loss by loss. `quality` trains
both, samples both, and compares the separation powers of the seen energy and of the profile in depth, 30 bins, from showers
that neither has seen. `sampling` times both. PyTorch repeats Volute's draws: its generators give the same numbers.

Needs torch and numpy. `--device cuda` lets PyTorch train elsewhere; `--folder` keeps the files, and goes on with what is there.
"""

import argparse
import csv
import json
import math
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

from cylindrical_unet import PRESETS, network

ROOT = pathlib.Path(__file__).resolve().parent.parent
RADII = {"dataset2": 9, "dataset3": 18, "small": 6}
# Of the voxels' logits and in GeV, as published; those of the small calorimeter are Volute's own.
NUMBERS = {
    "dataset2": dict(share=2, mean=-12.8564, deviation=1.9123, cut=1.51e-5, rate=4e-4, objective="noise"),
    "small": dict(share=2, mean=-7.6, deviation=2.9, cut=1.51e-5, rate=2e-3, objective="v"),
}
ENERGIES = (1e3, 1e6)
MARGIN = 1e-6


def levels(steps=400, offset=0.008):
    """Signal and noise of the cosine schedule, the cleanest first."""
    def remains(step):
        return math.cos((step / steps + offset) / (1 + offset) * math.pi / 2) ** 2

    kept, found = 1.0, []
    for step in range(steps):
        kept *= 1 - min(max(1 - remains(step + 1) / remains(step), 1e-4), 0.9999)
        found.append((math.sqrt(kept), math.sqrt(1 - kept)))
    return found


LEVELS = levels()


def stream(seed, index):
    return torch.Generator().manual_seed((seed * 0x9E3779B1 + index) & 0xFFFFFFFF)


class Showers:
    """What is around the network: images of the coordinates, numbers for voxels and back."""

    def __init__(self, preset, device):
        self.numbers = NUMBERS[preset]
        self.size = PRESETS[preset][0]
        z, p, r = self.size
        middles = (torch.arange(r, dtype=torch.float64) + 0.5) / (r - 0.5)
        images = torch.stack([middles.expand(z, p, r), (torch.arange(z) / z)[:, None, None].expand(z, p, r)])
        self.images = images.float().to(device)[None]

    def energies(self, energies):
        low, high = ENERGIES
        return ((energies.double() / low).log() / math.log(high / low)).float()

    def normalized(self, showers, energies):
        n = self.numbers
        share = showers.double() / (energies.double() * n["share"])[:, None]
        inner = share * (1 - 2 * MARGIN) + MARGIN
        return (((inner / (1 - inner)).log() - n["mean"]) / n["deviation"]).float()

    def showers(self, x, energies):
        n = self.numbers
        inner = (x.double() * n["deviation"] + n["mean"]).sigmoid()
        result = ((inner - MARGIN) / (1 - 2 * MARGIN)).clamp(0, 1) * (energies.double() * n["share"])[:, None]
        return (result * (result >= n["cut"] * 1000)).float()

    def run(self, net, x, energy, times):
        grid = x.reshape(len(x), 1, *self.size)
        full = torch.cat([grid, self.images.expand(len(x), -1, -1, -1, -1)], 1)
        return net(full, energy, times).flatten(1)


def train(options, data):
    """PyTorch's losses, network and averaged weights."""
    device, around = options.device, Showers(options.preset, options.device)
    file = np.load(data)
    energies = torch.from_numpy(file["incident_energies"]).flatten()
    clean = around.normalized(torch.from_numpy(file["showers"]), energies)
    told = around.energies(energies)
    torch.manual_seed(options.seed)
    net = network(options.preset).to(device)
    average = {key: value.detach().clone() for key, value in net.state_dict().items()}
    adam = torch.optim.Adam(net.parameters(), lr=around.numbers["rate"])
    batch, count, losses = options.batch, len(clean) // options.batch, []
    for step in range(options.steps):
        epoch, number = divmod(step, count)
        if number == 0:
            order = torch.randperm(len(clean), generator=torch.Generator().manual_seed(options.seed + epoch))
        chosen = order[number * batch:(number + 1) * batch]
        draws = stream(options.seed + 1, step)
        drawn = [LEVELS[int(torch.randint(0, len(LEVELS), (), generator=draws))] for _ in range(batch)]
        noise = torch.randn(batch, clean.shape[1], generator=draws).to(device)
        signal, amount = (torch.tensor(v, dtype=torch.float32, device=device)[:, None] for v in zip(*drawn))
        x = clean[chosen].to(device)
        found = around.run(net, signal * x + amount * noise, told[chosen].to(device), amount[:, 0])
        wanted = noise if around.numbers["objective"] == "noise" else signal * noise - amount * x
        loss = torch.nn.functional.mse_loss(found, wanted)
        adam.zero_grad()
        loss.backward()
        adam.step()
        kept = min(0.999, (step + 1) / (step + 10))
        with torch.no_grad():
            for key, value in net.state_dict().items():
                average[key] = average[key] * kept + value * (1 - kept)
        losses.append(loss.item())
    return losses, average


@torch.no_grad()
def sample(options, weights, energies, steps, batch, seed):
    """Showers by DPM-Solver++ in its second-order multistep form, as Volute's default, from the same noise."""
    device, around = options.device, Showers(options.preset, options.device)
    net = network(options.preset).to(device)
    net.load_state_dict(weights)
    usable = sum(1 for signal, noise in LEVELS if noise / signal <= 200)
    path = [LEVELS[round((steps - 1 - i) / (steps - 1) * (usable - 1))] for i in range(steps)] + [(1.0, 0.0)]
    told, parts = around.energies(energies).to(device), []
    for start in range(0, len(energies), batch):
        part = range(start, min(start + batch, len(energies)))
        x = torch.stack([torch.randn(math.prod(around.size), generator=stream(seed, i)) for i in part]).to(device)
        before = None
        for (signal, noise), (next_signal, next_noise) in zip(path, path[1:]):
            times = torch.full((len(part),), noise, device=device)
            answer = around.run(net, x, told[start:start + batch], times)
            clean = (x - noise * answer) / signal if around.numbers["objective"] == "noise" \
                else signal * x - noise * answer
            ahead, ratio = clean, math.log(noise / signal)
            if before is not None and next_noise > 0:
                share = (ratio - math.log(next_noise / next_signal)) / (2 * (before[0] - ratio))
                ahead = clean * (1 + share) - before[1] * share
            before = (ratio, clean)
            x = x * (next_noise / noise) + ahead * (next_signal - signal * next_noise / noise)
        parts.append(around.showers(x.cpu(), energies[start:start + batch]))
    return torch.cat(parts).numpy()


def volute(*arguments):
    command = [str(ROOT / ".build/release/volute"), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)}\n{result.stderr}")
    return result.stdout


def separation(reference, samples):
    """½ Σ (a - b)² / (a + b)."""
    total = reference + samples
    return float(0.5 * np.sum(np.divide((reference - samples) ** 2, total, where=total > 0, out=np.zeros_like(total))))


def quality(preset, reference, samples, energies):
    """Separation powers of the share of the energy that is seen, and of the mean profile in depth."""
    def seen(showers, energies):
        return showers.astype(np.float64).sum(1) / energies

    def profile(showers):
        layers = showers.astype(np.float64).reshape(len(showers), PRESETS[preset][0][0], -1).sum(2).mean(0)
        return layers / layers.sum()

    wanted = seen(reference[0], reference[1])
    edges = np.linspace(wanted.min(), wanted.max(), 31)

    def shares(values):
        return np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)

    return (separation(shares(wanted), shares(seen(samples, energies))),
            separation(profile(reference[0]), profile(samples)))


def trained(options, folder):
    """Both trainings, or what an earlier call left of them: losses, and PyTorch's averaged weights."""
    data, ours, theirs = folder / "data.npz", folder / "volute.csv", folder / "torch.pt"
    if not data.exists():
        volute("sample", "calo", "--synthetic", options.preset, "--count", options.showers, "--seed", options.seed,
               "-o", data)
    if not ours.exists() and not options.peer_only:
        start = time.time()
        volute("train", "calo", "--preset", options.preset, "--data", data, "--out", folder / "run", "--log", ours,
               "--steps", options.steps, "--batch-size", options.batch, "--seed", options.seed,
               "--threads", options.threads)
        print(f"Volute   {options.steps} steps in {time.time() - start:.0f} s", flush=True)
    if not theirs.exists():
        start = time.time()
        losses, average = train(options, data)
        torch.save({"losses": losses, "average": {k: v.cpu() for k, v in average.items()}}, theirs)
        print(f"PyTorch  {options.steps} steps in {time.time() - start:.0f} s on {options.device}", flush=True)
    if options.peer_only:
        raise SystemExit
    saved = torch.load(theirs)
    with open(ours) as file:
        return [float(row["loss"]) for row in csv.DictReader(file)], saved["losses"], saved["average"]


def compare_losses(options, folder):
    ours, theirs, _ = trained(options, folder)
    worst = max(abs(a / b - 1) for a, b in zip(ours[:20], theirs[:20]))
    print(f"{options.preset}, batch {options.batch}: the first 20 losses differ by at most {worst:.2g}")
    if len(ours) >= 250:
        a, b = statistics.mean(ours[199:250]), statistics.mean(theirs[199:250])
        print(f"mean of losses 200 to 250: Volute {a:.5f}, PyTorch {b:.5f}, apart by {a / b - 1:+.2%}")


def compare_quality(options, folder):
    _, _, average = trained(options, folder)
    low, high = ENERGIES
    energies = low * (high / low) ** ((np.arange(options.count) + 0.5) / options.count)
    paths = {name: folder / f"{name}.npz" for name in ("reference", "volute", "pytorch")}
    if not paths["reference"].exists():
        volute("sample", "calo", "--synthetic", options.preset, "--count", options.count, "--seed", 2002,
               "-o", paths["reference"])
    if not paths["volute"].exists():
        volute("sample", "calo", "--checkpoint", folder / "run", "--count", options.count, "--sampler", "dpm",
               "--steps", 20, "--batch-size", options.batch, "--seed", 5, "--threads", options.threads,
               "-o", paths["volute"])
    if not paths["pytorch"].exists():
        told = torch.from_numpy(energies).float()
        np.savez(paths["pytorch"], incident_energies=energies[:, None].astype(np.float32),
                 showers=sample(options, average, told, 20, options.batch, 5))
    files = {name: np.load(path) for name, path in paths.items()}
    reference = files["reference"]["showers"], files["reference"]["incident_energies"].flatten().astype(np.float64)
    print(f"{options.preset}, {options.steps} steps of {options.batch}, {options.count} samples, dpm in 20 steps; "
          "separation powers")
    found = {name: quality(options.preset, reference, files[name]["showers"],
                           files[name]["incident_energies"].flatten().astype(np.float64))
             for name in ("volute", "pytorch")}
    for i, name in enumerate(("energy that is seen", "profile in depth")):
        a, b = found["volute"][i], found["pytorch"][i]
        print(f"  {name:20} Volute {a:.5f}   PyTorch {b:.5f}   {'within' if a <= 1.1 * b + 0.01 else 'beyond'} "
              "1.1 times PyTorch's plus 0.01")


def peer_sampling(options):
    """Times PyTorch's sampling in a process of its own and prints JSON."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    weights = network(options.preset).state_dict()
    energies = torch.full((options.batch,), 1e4)
    sample(options, weights, energies, 3, options.batch, 1)
    start = time.perf_counter()
    sample(options, weights, energies, 20, options.batch, 1)
    print(json.dumps({"seconds": time.perf_counter() - start,
                      "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def compare_sampling(options, folder):
    if not (folder / "run").exists():
        volute("train", "calo", "--preset", options.preset, "--showers", 16, "--batch-size", 4, "--steps", 1,
               "--out", folder / "run")
    for batch in (1, 16):
        found = {"volute": [], "pytorch": []}
        for _ in range(options.rounds):
            found["volute"].append(json.loads(volute(
                "sample", "calo", "--checkpoint", folder / "run", "--count", batch, "--energies", 10, "--steps", 20,
                "--batch-size", batch, "--threads", options.threads, "--json")))
            found["pytorch"].append(json.loads(subprocess.run(
                [sys.executable, __file__, "peer-sampling", "--preset", options.preset, "--batch", str(batch),
                 "--threads", str(options.threads)], check=True, capture_output=True, text=True).stdout))
        print(f"{options.preset}, {batch} at once, dpm in 20 steps, {options.threads} threads")
        for key, scale, unit in (("seconds", 1e3, "ms"), ("peak_resident_bytes", 1e-6, "MB")):
            a, b = (statistics.median(run[key] for run in runs) * scale for runs in found.values())
            print(f"  Volute {a:9,.0f} {unit}   PyTorch {b:9,.0f} {unit}   ratio {b / a:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=["losses", "quality", "sampling", "peer-sampling"])
    parser.add_argument("--preset", choices=NUMBERS, default="dataset2")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--showers", type=int, default=2000, help="to train on")
    parser.add_argument("--count", type=int, default=2000, help="samples")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peer-only", action="store_true", help="train PyTorch and stop")
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    if options.device == "cpu":
        torch.set_num_threads(options.threads)
    if options.mode == "peer-sampling":
        return peer_sampling(options)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        {"losses": compare_losses, "quality": compare_quality, "sampling": compare_sampling}[options.mode](options, folder)


if __name__ == "__main__":
    main()
