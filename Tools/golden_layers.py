"""Golden cases: layers. Initial weights of a seed, state keys, outputs and gradients in training and evaluation, running
statistics, and what is refused.

A layer is made after torch.manual_seed(seed) in float32; its weights are written as they are. Everything else is computed
with the same weights in float64. The output has the cotangent generated(shape, seed + 1).
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden_core import Family, error_text, generated, literal

# What PyTorch does not have, written with what it has.


class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return self.fn(x) + x


class PreNorm(nn.Module):
    def __init__(self, dim, fn):
        super().__init__()
        self.fn = fn
        self.norm = nn.GroupNorm(1, dim)

    def forward(self, x):
        return self.fn(self.norm(x))


class CylindricalConv(nn.Module):
    """Wraps the middle axis by `padding` and lets zeros pad the others."""

    def __init__(self, inputs, outputs, kernel_size, stride=(1, 1, 1), padding=(0, 0, 0), groups=1, bias=True):
        super().__init__()
        self.wrap = padding[1]
        self.conv = nn.Conv3d(inputs, outputs, kernel_size, stride, (padding[0], 0, padding[2]), 1, groups, bias)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 0, self.wrap, self.wrap, 0, 0), mode="circular"))


class CylindricalConvTranspose(nn.Module):
    """As published: wraps the middle axis by its padding, and transposes with a padding of k - 1 there."""

    def __init__(self, inputs, outputs, kernel_size, stride, padding, output_padding=(0, 0, 0)):
        super().__init__()
        self.wrap = padding[1]
        amounts = (padding[0], kernel_size[1] - 1, padding[2])
        self.convTrans = nn.ConvTranspose3d(inputs, outputs, kernel_size, stride, amounts, output_padding)

    def forward(self, x):
        return self.convTrans(F.pad(x, (0, 0, self.wrap, self.wrap, 0, 0), mode="circular"))


class LinearAttention(nn.Module):
    def __init__(self, dim, heads=1, dim_head=32):
        super().__init__()
        self.heads, self.scale, hidden = heads, dim_head**-0.5, heads * dim_head
        self.to_qkv = CylindricalConv(dim, hidden * 3, (1, 1, 1), bias=False)
        self.to_out = nn.Sequential(CylindricalConv(hidden, dim, (1, 1, 1)), nn.GroupNorm(1, dim))

    def forward(self, x):
        q, k, v = (part.reshape(x.shape[0], self.heads, -1, math.prod(x.shape[2:])) for part in self.to_qkv(x).chunk(3, 1))
        context = torch.einsum("bhdn,bhen->bhde", k.softmax(-1), v)
        seen = torch.einsum("bhde,bhdn->bhen", context, q.softmax(-2) * self.scale)
        return self.to_out(seen.reshape(x.shape[0], -1, *x.shape[2:]))


class CausalConv3d(nn.Module):
    def __init__(self, inputs, outputs, kernel_size, stride=1, dilation=1, replicate=False):
        super().__init__()
        t, h, w = kernel_size
        self.front, self.mode = dilation * (t - 1), "replicate" if replicate else "constant"
        self.conv = nn.Conv3d(inputs, outputs, kernel_size, (stride, 1, 1), (0, h // 2, w // 2), (dilation, 1, 1))

    def forward(self, x):
        return self.conv(F.pad(x, (0, 0, 0, 0, self.front, 0), mode=self.mode))


OURS = {
    name: globals()[name] for name in ["Residual", "PreNorm", "CylindricalConv", "CylindricalConvTranspose", "LinearAttention", "CausalConv3d"]
}


def make(layer, args):
    """The layer; lists of [layer, args] stand for the layers inside."""
    inner = [make(*part) for part in args["layers"]] if "layers" in args else []
    rest = {key: tuple(value) if isinstance(value, list) and layer != "Upsample" else value for key, value in args.items() if key != "layers"}
    if layer == "PreNorm":
        return PreNorm(rest["dim"], *inner)
    return (OURS.get(layer) or getattr(nn, layer))(*inner, **rest)


class Layers:
    def __init__(self, f):
        self.f = f
        self.seed = 3_000_000

    def name(self, layer):
        return f"{layer}-{1 + sum(line['op'] == layer for line in self.f.lines)}"

    def add(self, layer, *shapes, indices=None, modes=("train", "eval"), shake=False, calls=1, **args):
        """A layer on inputs of these shapes (or on one given input of `indices`). `shake`: weights other than 0 and 1 for what
        starts so. `calls`: how often the layer is called in training before the call that is written down."""
        self.seed += 100
        torch.manual_seed(self.seed)
        module = make(layer, args)
        weights = {key: literal(value) for key, value in module.state_dict().items()}
        module = module.double()
        if shake:
            for i, value in enumerate(module.parameters()):
                value.data = generated(list(value.shape), torch.float64, self.seed + 50 + i)
        inputs = [indices] if indices else [
            {"shape": shape, "dtype": "float64", "seed": self.seed + 10 + i} for i, shape in enumerate(shapes)
        ]
        case = {
            "name": self.name(layer),
            "op": layer,
            "seed": self.seed,
            "args": args,
            "inputs": {str(i): spec for i, spec in enumerate(inputs)},
            "keys": list(module.state_dict()),
            "weights": weights,
            **({"shake": True} if shake else {}),
            **({"calls": calls} if calls > 1 else {}),
        }
        for mode in modes:
            module.train(mode == "train")
            for _ in range(calls - 1 if mode == "train" else 0):
                self.run(module, layer, inputs)
            case[mode] = self.run(module, layer, inputs)
        self.f.lines.append(case)

    def run(self, module, layer, inputs):
        tensors = [
            torch.tensor(spec["data"]).reshape(spec["shape"]) if "data" in spec else generated(spec["shape"], torch.float64, spec["seed"])
            for spec in inputs
        ]
        leaves = [tensor.requires_grad_() for tensor in tensors if tensor.dtype.is_floating_point]
        names = [str(i) for i, tensor in enumerate(tensors) if tensor.dtype.is_floating_point]
        for key, value in module.named_parameters():
            names.append(key)
            leaves.append(value)
        output = self.call(module, layer, tensors)
        cotangent = generated(list(output.shape), torch.float64, self.seed + 1)
        gradients = torch.autograd.grad(output, leaves, cotangent, allow_unused=True)
        result = {
            "output": literal(output),
            "gradients": {name: literal(g) for name, g in zip(names, gradients) if g is not None and g.any()},
        }
        buffers = {key: literal(value) for key, value in module.named_buffers()}
        if buffers:
            result["buffers"] = buffers
        return result

    def call(self, module, layer, tensors):
        if layer == "MultiheadAttention":
            mask = tensors[3] if len(tensors) > 3 else None
            return module(*tensors[:3], attn_mask=mask, need_weights=False)[0]
        if layer.startswith("MaxUnpool"):
            pool = getattr(F, f"max_pool{layer[-2]}d")
            values, places = pool(tensors[0], module.kernel_size, module.stride, module.padding, return_indices=True)
            return module(values, places, output_size=tensors[0].shape)
        return module(*tensors)

    def refuse(self, layer, *shapes, train=True, dtype="float32", **args):
        self.seed += 100
        torch.manual_seed(self.seed)
        module = make(layer, args).train(train)
        specs = [{"shape": shape, "dtype": dtype, "seed": self.seed + 10 + i} for i, shape in enumerate(shapes)]
        kind = getattr(torch, dtype)
        tensors = [generated(spec["shape"], kind, spec["seed"]) for spec in specs]
        text = error_text(lambda: self.call(module, layer, tensors))
        inputs = {str(i): spec for i, spec in enumerate(specs)}
        self.f.lines.append(
            {"name": self.name(layer), "op": layer, "seed": self.seed, "args": args, "training": train, "inputs": inputs, "error": text}
        )


def layers():
    f = Family("layers.jsonl", "torch.nn: initial weights in float32; outputs and gradients in float64 with the same weights")
    of = Layers(f)
    linear(of)
    convolutions(of)
    pools(of)
    norms(of)
    activations(of)
    attention(of)
    containers(of)
    refusals(of)
    return f


def linear(of):
    of.add("Linear", [2, 3], in_features=3, out_features=4)
    of.add("Linear", [3], in_features=3, out_features=2)
    of.add("Linear", [2, 2, 3], in_features=3, out_features=2, bias=False)
    of.add("Linear", [2, 1], in_features=1, out_features=8)
    table = lambda *values: {"shape": [len(values)], "dtype": "int64", "data": list(values)}
    of.add("Embedding", indices=table(1, 4, 1, 0), num_embeddings=5, embedding_dim=3)
    of.add("Embedding", indices=table(2, 0, 2), num_embeddings=4, embedding_dim=2, padding_idx=2)
    of.add("Embedding", indices={"shape": [2, 2], "dtype": "int64", "data": [0, 3, 3, 1]}, num_embeddings=4, embedding_dim=5, padding_idx=-1)
    of.add("Identity", [2, 3])
    of.add("Flatten", [2, 3, 2])
    of.add("Flatten", [2, 3, 2], start_dim=0, end_dim=1)


SIZES = {1: [6], 2: [4, 5], 3: [3, 4, 3]}


def convolutions(of):
    for rank in [1, 2, 3]:
        x = [2 if rank < 3 else 1, 2] + SIZES[rank]
        conv, back = f"Conv{rank}d", f"ConvTranspose{rank}d"
        of.add(conv, x, in_channels=2, out_channels=3, kernel_size=[2] * rank)
        of.add(conv, x[1:], in_channels=2, out_channels=2, kernel_size=[3, 2, 1][:rank], bias=False)
        of.add(conv, x, in_channels=2, out_channels=4, kernel_size=[3] * rank, stride=[2, 1, 2][:rank], padding=[1] * rank, groups=2)
        of.add(conv, x, in_channels=2, out_channels=2, kernel_size=[2] * rank, dilation=[2] * rank, padding=[2] * rank)
        of.add(conv, x, in_channels=2, out_channels=2, kernel_size=[3] * rank, padding="same")
        for mode in ["circular", "reflect", "replicate"]:
            of.add(conv, x, in_channels=2, out_channels=1, kernel_size=[3] * rank, padding=[1] * rank, padding_mode=mode)
        small = x[:2] + [n - 1 for n in x[2:]]
        of.add(back, small, in_channels=2, out_channels=3, kernel_size=[2] * rank)
        of.add(back, small[1:], in_channels=2, out_channels=2, kernel_size=[2, 1, 2][:rank], stride=[2] * rank, bias=False)
        of.add(
            back, small, in_channels=2, out_channels=2, kernel_size=[3] * rank, stride=[2] * rank, padding=[1] * rank, output_padding=[1] * rank
        )
        of.add(back, small, in_channels=2, out_channels=4, kernel_size=[2] * rank, groups=2, dilation=[2] * rank)


def pools(of):
    for rank in [1, 2, 3]:
        x = [1, 2] + [n + 1 for n in SIZES[rank]]
        two, three = [2] * rank, [3] * rank
        of.add(f"MaxPool{rank}d", x, kernel_size=two)
        of.add(f"MaxPool{rank}d", x, kernel_size=three, stride=two, padding=[1] * rank, ceil_mode=True)
        of.add(f"MaxPool{rank}d", x, kernel_size=two, stride=[1] * rank, dilation=[2] * rank)
        of.add(f"AvgPool{rank}d", x, kernel_size=two)
        of.add(f"AvgPool{rank}d", x, kernel_size=three, stride=two, padding=[1] * rank, ceil_mode=True, count_include_pad=False)
        if rank > 1:
            of.add(f"AvgPool{rank}d", x, kernel_size=two, divisor_override=3)
        norm = {"norm_type": 2, "kernel_size": 2} if rank == 1 else {"norm_type": 2, "kernel_size": two}
        of.add(f"LPPool{rank}d", x, **norm)
        of.add(f"LPPool{rank}d", x, **{**norm, "norm_type": 4, "stride": 1 if rank == 1 else [1] * rank})
        of.add(f"AdaptiveAvgPool{rank}d", x, output_size=[3, 2, 2][:rank])
        of.add(f"AdaptiveMaxPool{rank}d", x, output_size=[2, 3, 1][:rank])
        of.add(f"MaxUnpool{rank}d", x, kernel_size=two)
    for mode, rank in [("nearest", 1), ("nearest", 3), ("linear", 1), ("bilinear", 2), ("trilinear", 3), ("bicubic", 2)]:
        of.add("Upsample", [1, 2] + [3] * rank, scale_factor=2.0, mode=mode)
        of.add("Upsample", [1, 1] + [3] * rank, size=[5, 4, 2][:rank], mode=mode)
        if mode != "nearest":
            of.add("Upsample", [1, 1] + [3] * rank, size=[5, 4, 6][:rank], mode=mode, align_corners=True)
    of.add("PixelShuffle", [1, 8, 2, 3], upscale_factor=2)
    of.add("PixelUnshuffle", [1, 2, 4, 6], downscale_factor=2)


def norms(of):
    for rank in [1, 2, 3]:
        x = [2, 3] + [n - 1 for n in SIZES[rank]]
        norm = f"BatchNorm{rank}d"
        of.add(norm, x, num_features=3)
        of.add(norm, x, num_features=3, shake=True, calls=3)
        of.add(norm, x, num_features=3, momentum=None, eps=1e-3, calls=2)
        of.add(norm, x, num_features=3, affine=False, momentum=0.3)
        of.add(norm, x, num_features=3, track_running_stats=False)
        norm = f"InstanceNorm{rank}d"
        of.add(norm, x, num_features=3)
        of.add(norm, x[1:], num_features=3, affine=True, shake=True)
        of.add(norm, x, num_features=3, affine=True, track_running_stats=True, shake=True, calls=2)
        of.add("GroupNorm", [2, 4] + x[2:], num_groups=2, num_channels=4, shake=True)
    of.add("BatchNorm1d", [4, 3], num_features=3, shake=True)
    of.add("GroupNorm", [2, 6, 3], num_groups=6, num_channels=6, affine=False, eps=1e-2)
    of.add("GroupNorm", [3, 4], num_groups=1, num_channels=4)
    of.add("LayerNorm", [2, 3, 4], normalized_shape=[4])
    of.add("LayerNorm", [2, 3, 4], normalized_shape=[3, 4], shake=True, eps=1e-3)
    of.add("LayerNorm", [2, 4], normalized_shape=[4], bias=False, shake=True)
    of.add("LayerNorm", [2, 4], normalized_shape=[4], elementwise_affine=False)
    of.add("RMSNorm", [2, 3, 4], normalized_shape=[4])
    of.add("RMSNorm", [2, 3, 4], normalized_shape=[3, 4], shake=True, eps=1e-3)
    of.add("RMSNorm", [2, 4], normalized_shape=[4], elementwise_affine=False)


def activations(of):
    for layer in ["ReLU", "LeakyReLU", "GELU", "SiLU", "Mish", "Sigmoid", "Tanh", "Softplus", "ELU"]:
        of.add(layer, [2, 6], modes=("train",))
    of.add("LeakyReLU", [8], negative_slope=0.2, modes=("train",))
    of.add("GELU", [8], approximate="tanh", modes=("train",))
    of.add("Softplus", [8], beta=2.0, threshold=3.0, modes=("train",))
    of.add("ELU", [8], alpha=0.7, modes=("train",))
    of.add("Softmax", [2, 3, 2], dim=1, modes=("train",))
    of.add("Softmax", [2, 3], dim=-1, modes=("train",))
    of.add("PReLU", [2, 3, 2], modes=("train",))
    of.add("PReLU", [2, 3, 2], num_parameters=3, init=0.1, modes=("train",))
    for layer, shape in [("Dropout", [3, 4]), ("Dropout1d", [2, 3, 4]), ("Dropout2d", [2, 3, 2, 2]), ("Dropout3d", [1, 2, 2, 2, 2])]:
        of.add(layer, shape, p=0.4, modes=("eval",))
        of.add(layer, shape, p=0.0)
        of.add(layer, shape, p=1.0)


def attention(of):
    of.add("MultiheadAttention", [2, 3, 4], [2, 5, 4], [2, 5, 4], embed_dim=4, num_heads=2, batch_first=True)
    of.add("MultiheadAttention", [1, 3, 6], [1, 3, 6], [1, 3, 6], [3, 3], embed_dim=6, num_heads=3, batch_first=True)
    of.add("MultiheadAttention", [2, 2, 4], [2, 3, 4], [2, 3, 4], embed_dim=4, num_heads=1, bias=False, batch_first=True)
    of.add("MultiheadAttention", [1, 2, 4], [1, 3, 4], [1, 3, 4], embed_dim=4, num_heads=4, batch_first=True, shake=True)
    of.add("LinearAttention", [1, 3, 2, 2, 2], dim=3, heads=1, dim_head=4)
    of.add("LinearAttention", [2, 2, 1, 3, 2], dim=2, heads=2, dim_head=3)
    of.add("CylindricalConv", [1, 2, 3, 4, 3], inputs=2, outputs=2, kernel_size=[3, 3, 3], padding=[1, 1, 1])
    of.add("CylindricalConv", [1, 2, 4, 4, 3], inputs=2, outputs=2, kernel_size=[3, 4, 3], stride=[2, 2, 2], padding=[1, 1, 1])
    of.add("CylindricalConv", [1, 2, 2, 3, 2], inputs=2, outputs=3, kernel_size=[1, 1, 1], bias=False)
    of.add("CylindricalConvTranspose", [1, 2, 2, 3, 2], inputs=2, outputs=2, kernel_size=[3, 4, 4], stride=[2, 2, 2], padding=[1, 1, 1])
    of.add(
        "CylindricalConvTranspose",
        [1, 2, 2, 3, 2],
        inputs=2,
        outputs=1,
        kernel_size=[3, 4, 4],
        stride=[2, 2, 2],
        padding=[1, 1, 1],
        output_padding=[0, 1, 1],
    )
    of.add("CausalConv3d", [1, 2, 4, 3, 3], inputs=2, outputs=2, kernel_size=[3, 3, 3])
    of.add("CausalConv3d", [1, 2, 5, 2, 3], inputs=2, outputs=1, kernel_size=[2, 1, 3], stride=2)
    of.add("CausalConv3d", [1, 1, 5, 2, 2], inputs=1, outputs=2, kernel_size=[3, 1, 1], dilation=2, replicate=True)


def containers(of):
    body = [
        ["Conv2d", {"in_channels": 1, "out_channels": 4, "kernel_size": [3, 3], "padding": [1, 1]}],
        ["BatchNorm2d", {"num_features": 4}],
        ["SiLU", {}],
        ["MaxPool2d", {"kernel_size": [2, 2]}],
        ["Flatten", {}],
        ["Linear", {"in_features": 16, "out_features": 3}],
    ]
    of.add("Sequential", [2, 1, 4, 4], layers=body)
    of.add("Sequential", [2, 3], layers=[["Linear", {"in_features": 3, "out_features": 2}], ["Sequential", {"layers": [["Tanh", {}], ["Linear", {"in_features": 2, "out_features": 2}]]}]])
    same = ["Conv1d", {"in_channels": 3, "out_channels": 3, "kernel_size": [3], "padding": "same"}]
    of.add("Residual", [1, 3, 4], layers=[same])
    of.add("PreNorm", [2, 3, 4], dim=3, layers=[same])
    of.add("Residual", [2, 3, 4], layers=[["PreNorm", {"dim": 3, "layers": [same]}]])


def refusals(of):
    """Shapes that do not fit."""
    of.refuse("Linear", [2, 4], in_features=3, out_features=5)
    of.refuse("Linear", [2, 3, 7], in_features=3, out_features=5)
    for rank in [1, 2, 3]:
        conv, back = f"Conv{rank}d", f"ConvTranspose{rank}d"
        x = [2, 3] + SIZES[rank]
        of.refuse(conv, x, in_channels=4, out_channels=2, kernel_size=[2] * rank)
        of.refuse(conv, x[2:], in_channels=3, out_channels=2, kernel_size=[2] * rank)
        of.refuse(conv, [1] + x, in_channels=3, out_channels=2, kernel_size=[2] * rank)
        of.refuse(conv, x, in_channels=3, out_channels=2, kernel_size=[9] * rank)
        of.refuse(back, x, in_channels=4, out_channels=2, kernel_size=[2] * rank)
        of.refuse(back, x[2:], in_channels=3, out_channels=2, kernel_size=[2] * rank)
        of.refuse(back, [1] + x, in_channels=3, out_channels=2, kernel_size=[2] * rank)
        of.refuse(f"BatchNorm{rank}d", x, num_features=5)
        of.refuse(f"BatchNorm{rank}d", [1] + x, num_features=2)
        of.refuse(f"BatchNorm{rank}d", [1, 3] + [1] * rank, num_features=3)
        of.refuse(f"BatchNorm{rank}d", x, num_features=5, train=False)
        of.refuse(f"InstanceNorm{rank}d", [1] + x, num_features=3)
        of.refuse(f"InstanceNorm{rank}d", [2, 3] + [1] * rank, num_features=3)
        of.refuse(f"InstanceNorm{rank}d", x, num_features=5, affine=True)
        of.refuse(f"MaxPool{rank}d", [1, 2] + [4] * rank, kernel_size=[5] * rank)
        of.refuse(f"MaxPool{rank}d", [1, 2] + [4] * rank, kernel_size=[2] * rank, padding=[2] * rank)
        of.refuse(f"AvgPool{rank}d", [1, 2] + [4] * rank, kernel_size=[7] * rank)
        of.refuse(f"AdaptiveAvgPool{rank}d", [4] * rank if rank > 1 else [3], output_size=[2] * rank)
    of.refuse("BatchNorm1d", [3], num_features=3)
    of.refuse("GroupNorm", [2, 6, 3], num_groups=2, num_channels=4)
    of.refuse("GroupNorm", [4], num_groups=2, num_channels=4)
    of.refuse("LayerNorm", [2, 3], normalized_shape=[4])
    of.refuse("LayerNorm", [4], normalized_shape=[3, 4])
    of.refuse("RMSNorm", [2, 3], normalized_shape=[4])
    of.refuse("PReLU", [2, 5], num_parameters=3)
    of.refuse("Softmax", [2, 3], dim=2)
    of.refuse("PixelShuffle", [1, 6, 2, 2], upscale_factor=2)
    of.refuse("PixelUnshuffle", [1, 2, 3, 4], downscale_factor=2)
    of.refuse("Upsample", [1, 1, 3], size=[4, 4])
    of.refuse("MultiheadAttention", [1, 3, 5], [1, 3, 4], [1, 3, 4], embed_dim=4, num_heads=2, batch_first=True)
    of.refuse("MultiheadAttention", [1, 3, 4], [1, 2, 4], [1, 5, 4], embed_dim=4, num_heads=2, batch_first=True)
    of.refuse("MultiheadAttention", [1, 3, 4], [1, 3, 4], [1, 3, 4], [2, 7], embed_dim=4, num_heads=2, batch_first=True)
    deep = [["Linear", {"in_features": 3, "out_features": 4}], ["Sequential", {"layers": [["Tanh", {}], ["Linear", {"in_features": 5, "out_features": 2}]]}]]
    of.refuse("Sequential", [2, 3], layers=deep)
    of.refuse("Residual", [1, 3, 6], layers=[["Conv1d", {"in_channels": 3, "out_channels": 2, "kernel_size": [3]}]])
