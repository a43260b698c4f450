"""The cylindrical U-Net of CaloDiffusion in PyTorch, as published: its keys, and the order in which its weights are drawn."""

import torch
from torch import nn
from torch.nn import functional as F

PRESETS = {
    "photons": ((5, 10, 30), 4, (16, 16, 16, 32)),
    "pions": ((7, 10, 23), 4, (16, 16, 16, 32)),
    "dataset2": ((45, 16, 9), 3, (16, 16, 16, 32)),
    "dataset3": ((45, 50, 18), 3, (32, 32, 32, 32)),
    "small": ((12, 8, 6), 3, (16, 16, 16, 32)),
}


class Conv(nn.Module):
    """A convolution that goes around the second axis."""

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
        if condition:
            self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(condition, b))
        # Drawn in any case, used where the widths differ.
        skip = Conv(a, b, 1, 1, 0)
        self.block1, self.block2 = Block(a, b), Block(b, b)
        self.res_conv = skip if a != b else nn.Identity()

    def forward(self, x, c=None):
        h = self.block1(x)
        if c is not None:
            h = h + self.mlp(c)[:, :, None, None, None]
        return self.block2(h) + self.res_conv(x)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.to_qkv = Conv(c, 96, 1, 1, 0, bias=False)
        self.to_out = nn.Sequential(Conv(32, c, 1, 1, 0), nn.GroupNorm(1, c))

    def forward(self, x):
        b, _, *size = x.shape
        q, k, v = (t.reshape(b, 1, 32, -1) for t in self.to_qkv(x).chunk(3, 1))
        context = torch.einsum("bhdn,bhen->bhde", k.softmax(-1), v)
        seen = torch.einsum("bhde,bhdn->bhen", context, q.softmax(-2) * 32**-0.5)
        return self.to_out(seen.reshape(b, 32, *size))


class PreNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fn, self.norm = Attention(c), nn.GroupNorm(1, c)

    def forward(self, x):
        return self.fn(self.norm(x))


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fn = PreNorm(c)

    def forward(self, x):
        return x + self.fn(x)


def embedding():
    return nn.Sequential(
        nn.Unflatten(0, (-1, 1)), nn.Linear(1, 32), nn.GELU(), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 64))


class CondUnet(nn.Module):
    def __init__(self, size, channels, widths):
        super().__init__()
        levels = [size]
        while len(levels) < len(widths) - 1:
            z, p, r = levels[-1]
            levels.append(((z - 1) // 2 + 1, (p - 2) // 2 + 1, (r - 2) // 2 + 1))
        last = len(levels) - 1
        self.init_conv = Conv(channels, widths[0])
        self.time_mlp, self.cond_mlp = embedding(), embedding()
        self.downs, self.downs_attn = nn.ModuleList(), nn.ModuleList()
        pairs = list(zip(widths, widths[1:]))
        for i, (a, b) in enumerate(pairs):
            self.downs.append(nn.ModuleList(
                [Resnet(a, b), Resnet(b, b), Conv(b, b, (3, 4, 4), 2) if i < last else nn.Identity()]))
            self.downs_attn.append(Residual(b))
        w = widths[-1]
        self.mid_block1, self.mid_attn, self.mid_block2 = Resnet(w, w), Residual(w), Resnet(w, w)
        self.ups, self.ups_attn = nn.ModuleList(), nn.ModuleList()
        for i, (a, b) in enumerate(reversed(pairs)):
            self.ups.append(nn.ModuleList(
                [Resnet(2 * b, a), Resnet(a, a), Up(a, levels[last - 1 - i]) if i < last else nn.Identity()]))
            self.ups_attn.append(Residual(a))
        head = Conv(widths[0], 1, 1, 1, 0)
        self.final_conv = nn.ModuleList([Resnet(widths[1], widths[0], None), head])

    def forward(self, x, energy, t):
        c = torch.cat([self.time_mlp(t), self.cond_mlp(energy)], 1)
        x, skips = self.init_conv(x), []
        for (a, b, down), attention in zip(self.downs, self.downs_attn):
            x = attention(b(a(x, c), c))
            skips.append(x)
            x = down(x)
        x = self.mid_block2(self.mid_attn(self.mid_block1(x, c)), c)
        for (a, b, up), attention in zip(self.ups, self.ups_attn):
            x = up(attention(b(a(torch.cat([x, skips.pop()], 1), c), c)))
        block, head = self.final_conv
        return head(block(x))


def network(preset):
    """The network of a preset, with weights drawn from torch's generator."""
    return CondUnet(*PRESETS[preset])
