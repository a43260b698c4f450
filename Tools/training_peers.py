#!/usr/bin/env python3
"""Times a training step of the cylindrical U-Net in Volute and in PyTorch, in turn, in one run.

    swift build -c release
    python3 Tools/training_peers.py --preset dataset2 --batch 16 --rounds 3

Both have two threads, the same shapes, and Adam; PyTorch's network is in cylindrical_unet.py, as it was published. Prints
the medians of forward and step, their ratio, and the peak of resident memory of each.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

from cylindrical_unet import PRESETS, network

ROOT = pathlib.Path(__file__).resolve().parent.parent


def peer(preset, batch, threads, count):
    """PyTorch's steps, in a process of their own, for its own peak of memory."""
    import torch

    torch.set_num_threads(threads)
    size, channels, _ = PRESETS[preset]
    torch.manual_seed(7)
    net = network(preset)
    adam = torch.optim.Adam(net.parameters(), lr=4e-4)
    x, y = torch.randn(batch, channels, *size), torch.randn(batch, 1, *size)
    energy, t = torch.rand(batch), torch.rand(batch)
    forward, step = [], []
    for i in range(count + 1):
        start = time.perf_counter()
        adam.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x, energy, t), y)
        middle = time.perf_counter()
        loss.backward()
        adam.step()
        end = time.perf_counter()
        if i:
            forward.append((middle - start) * 1e3)
            step.append((end - start) * 1e3)
    print(json.dumps({
        "forward_ms": statistics.median(forward), "step_ms": statistics.median(step),
        "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "parameters": sum(p.numel() for p in net.parameters()), "version": torch.__version__}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="dataset2")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer", action="store_true", help="time PyTorch alone and print JSON")
    options = parser.parse_args()
    if options.peer:
        return peer(options.preset, options.batch, options.threads, options.repeat)
    common = ["--preset", options.preset, "--batch", str(options.batch), "--threads", str(options.threads),
              "--repeat", str(options.repeat)]
    commands = {
        "volute": [str(ROOT / ".build/release/volute"), "bench-training", *common, "--json"],
        "pytorch": [sys.executable, __file__, "--peer", *common],
    }
    found = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            found[name].append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    middle = {
        name: {key: statistics.median(run[key] for run in runs)
               for key in ("forward_ms", "step_ms", "peak_resident_bytes")}
        for name, runs in found.items()}
    print(f"{options.preset}, batch {options.batch}, {options.threads} threads, "
          f"PyTorch {found['pytorch'][0]['version']} ({found['pytorch'][0]['parameters']:,} parameters)")
    for key in ("forward_ms", "step_ms", "peak_resident_bytes"):
        ours, theirs = middle["volute"][key], middle["pytorch"][key]
        print(f"  {key:20} Volute {ours:14,.1f}   PyTorch {theirs:14,.1f}   ratio {theirs / ours:5.2f}")


if __name__ == "__main__":
    main()
