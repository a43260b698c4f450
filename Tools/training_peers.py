#!/usr/bin/env python3
"""Times a training step of the cylindrical U-Net in Volute and in PyTorch, in turn, in one run.

    swift build -c release
    python3 Tools/training_peers.py --preset dataset2 --batch 16 --rounds 3

Both have two threads, the same shapes, and Adam; PyTorch's network is written here as it was published. Prints the medians
of forward and step, their ratio, and the peak of resident memory of each.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRESETS = {
    "photons": ((5, 10, 30), 4, (16, 16, 16, 32)),
    "pions": ((7, 10, 23), 4, (16, 16, 16, 32)),
    "dataset2": ((45, 16, 9), 3, (16, 16, 16, 32)),
    "dataset3": ((45, 50, 18), 3, (32, 32, 32, 32)),
}


def network(size, channels, widths):
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Conv(nn.Module):
        def __init__(self, a, b, kernel=3, stride=1, padding=1, bias=True):
            super().__init__()
            self.wrap = padding
            self.conv = nn.Conv3d(a, b, kernel, stride, (padding, 0, padding), bias=bias)

        def forward(self, x):
            return self.conv(F.pad(x, (0, 0, self.wrap, self.wrap, 0, 0), mode="circular") if self.wrap else x)

    class Up(nn.Module):
        def __init__(self, c, target):
            super().__init__()
            self.convTrans = nn.ConvTranspose3d(
                c, c, (4 if target[0] % 2 == 0 else 3, 4, 4), 2, (1, 3, 1),
                output_padding=(0, target[1] % 2, target[2] % 2))

        def forward(self, x):
            return self.convTrans(F.pad(x, (0, 0, 1, 1, 0, 0), mode="circular"))

    class Block(nn.Module):
        def __init__(self, a, b):
            super().__init__()
            self.proj, self.norm = Conv(a, b), nn.GroupNorm(8, b)

        def forward(self, x):
            return F.silu(self.norm(self.proj(x)))

    class Resnet(nn.Module):
        def __init__(self, a, b, condition=128):
            super().__init__()
            self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(condition, b)) if condition else None
            self.block1, self.block2 = Block(a, b), Block(b, b)
            self.skip = Conv(a, b, 1, 1, 0) if a != b else nn.Identity()

        def forward(self, x, c=None):
            h = self.block1(x)
            if self.mlp is not None:
                h = h + self.mlp(c)[:, :, None, None, None]
            return self.block2(h) + self.skip(x)

    class Attention(nn.Module):
        def __init__(self, c):
            super().__init__()
            self.norm = nn.GroupNorm(1, c)
            self.qkv = Conv(c, 96, 1, 1, 0, bias=False)
            self.out = nn.Sequential(Conv(32, c, 1, 1, 0), nn.GroupNorm(1, c))

        def forward(self, x):
            b, _, *size = x.shape
            q, k, v = self.qkv(self.norm(x)).chunk(3, 1)
            q, k, v = (t.reshape(b, 1, 32, -1) for t in (q, k, v))
            context = torch.einsum("bhdn,bhen->bhde", k.softmax(-1), v)
            seen = torch.einsum("bhde,bhdn->bhen", context, q.softmax(-2) * 32**-0.5)
            return x + self.out(seen.reshape(b, 32, *size))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            levels = [size]
            while len(levels) < len(widths) - 1:
                z, p, r = levels[-1]
                levels.append(((z - 1) // 2 + 1, (p - 2) // 2 + 1, (r - 2) // 2 + 1))
            mlp = lambda: nn.Sequential(
                nn.Unflatten(0, (-1, 1)), nn.Linear(1, 32), nn.GELU(), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 64))
            self.time, self.cond = mlp(), mlp()
            self.init = Conv(channels, widths[0])
            pairs = list(zip(widths, widths[1:]))
            self.downs = nn.ModuleList(
                nn.ModuleList([Resnet(a, b), Resnet(b, b), Attention(b),
                               Conv(b, b, (3, 4, 4), 2) if i < len(levels) - 1 else nn.Identity()])
                for i, (a, b) in enumerate(pairs))
            w = widths[-1]
            self.mid = nn.ModuleList([Resnet(w, w), Attention(w), Resnet(w, w)])
            self.ups = nn.ModuleList(
                nn.ModuleList([Resnet(2 * b, a), Resnet(a, a), Attention(a),
                               Up(a, levels[len(levels) - 2 - i]) if i < len(levels) - 1 else nn.Identity()])
                for i, (a, b) in enumerate(reversed(pairs)))
            self.final, self.head = Resnet(widths[1], widths[0], None), Conv(widths[0], 1, 1, 1, 0)

        def forward(self, x, energy, t):
            c = torch.cat([self.time(t), self.cond(energy)], 1)
            x, skips = self.init(x), []
            for a, b, attention, down in self.downs:
                x = attention(b(a(x, c), c))
                skips.append(x)
                x = down(x)
            x = self.mid[2](self.mid[1](self.mid[0](x, c)), c)
            for a, b, attention, up in self.ups:
                x = up(attention(b(a(torch.cat([x, skips.pop()], 1), c), c)))
            return self.head(self.final(x))

    return Net()


def peer(preset, batch, threads, count):
    """PyTorch's steps, in a process of their own, for its own peak of memory."""
    import torch

    torch.set_num_threads(threads)
    size, channels, widths = PRESETS[preset]
    torch.manual_seed(7)
    net = network(size, channels, widths)
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
