"""Golden cases: convolution, transposed convolution and padding."""

import itertools
import math

import torch
import torch.nn.functional as F

from golden_core import ALL, FLOATS, INTS, NUMBERS, RANKS, Family, evaluate, pad_axis, pad_spatial

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
PADDING_MODES = ["zeros", "reflect", "replicate", "circular"]


# Convolution


def resolve_padding(padding, sizes, kernel, dilation, stride):
    """Any way to write padding, as one [before, after] pair per axis."""
    if padding == "valid":
        return [[0, 0] for _ in sizes]
    if padding == "half":
        return [[k // 2, k // 2] for k in kernel]
    if padding == "full":
        return [[d * (k - 1), d * (k - 1)] for k, d in zip(kernel, dilation)]
    if padding == "same":
        pairs = []
        for n, k, d, s in zip(sizes, kernel, dilation, stride):
            total = d * (k - 1) if s == 1 else max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
            pairs.append([total // 2, total - total // 2])
        return pairs
    return [list(p) if isinstance(p, list) else [p, p] for p in padding]


def conv_loops(x, weight, bias, stride, dilation, groups):
    """Any rank, no padding: the definition, tap by tap. Slow."""
    rank = weight.dim() - 2
    sizes = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], weight.shape[2:], stride, dilation)]
    outputs, per_group = weight.shape[0], weight.shape[0] // groups
    result = torch.zeros(x.shape[0], outputs, *sizes, dtype=x.dtype)
    for tap in itertools.product(*[range(k) for k in weight.shape[2:]]):
        window = x[
            (slice(None), slice(None))
            + tuple(slice(t * d, t * d + s * (size - 1) + 1, s) for t, d, s, size in zip(tap, dilation, stride, sizes))
        ]
        for o in range(outputs):
            group = o // per_group
            for c in range(weight.shape[1]):
                result[:, o] += window[:, group * weight.shape[1] + c] * weight[(o, c) + tap]
    return result if bias is None else result + bias.reshape([1, outputs] + [1] * rank)


def conv_oracle(x, weight, bias, args):
    """Padding axis by axis with index gathers, then a convolution without padding."""
    rank = weight.dim() - 2
    unbatched = x.dim() == rank + 1
    x = x.unsqueeze(0) if unbatched else x
    stride, dilation = args.get("stride", [1] * rank), args.get("dilation", [1] * rank)
    modes = args.get("padding_mode", "zeros")
    modes = [modes] * rank if isinstance(modes, str) else modes
    pairs = resolve_padding(args.get("padding", [0] * rank), x.shape[2:], weight.shape[2:], dilation, stride)
    x = pad_spatial(x, pairs, modes)
    if rank in CONV:
        y = CONV[rank](x, weight, bias, stride, 0, dilation, args.get("groups", 1))
    else:
        y = conv_loops(x, weight, bias, stride, dilation, args.get("groups", 1))
    return y.squeeze(0) if unbatched else y


def conv_case(f, rank, dtype, x_shape, w_shape, args, bias=True, batched=True, label="", mode=None):
    """One convolution: by PyTorch where PyTorch has it, by the oracle otherwise (and compared where both are)."""
    x, w = f.gen(dtype, *x_shape), f.gen(dtype, *w_shape)
    b = f.gen(dtype, w_shape[0]) if bias else None
    tensors = [x.t, w.t] + ([b.t] if bias else [])
    output, remark = evaluate(lambda x, w, b=None: conv_oracle(x, w, b, args), *tensors)
    modes = args.get("padding_mode", "zeros")
    padding = args.get("padding", [0] * rank)
    native = (
        rank in CONV
        and modes == "zeros"
        and (
            (padding == "same" and set(args.get("stride", [1])) == {1})
            or padding == "valid"
            or (isinstance(padding, list) and not any(isinstance(p, list) for p in padding))
        )
    )
    if native:
        how = f"torch.nn.functional.conv{rank}d"
        given = {key: value for key, value in args.items() if key not in ("padding_mode", "strict")}
        expected, _ = evaluate(lambda x, w, b=None: CONV[rank](x, w, b, **given), *tensors)
        assert torch.equal(expected, output), (args, expected, output)
    elif rank in CONV:
        how = f"padded axis by axis with index gathers, then torch.nn.functional.conv{rank}d with padding 0"
    else:
        how = "loops over taps and channels"
    mode = mode or (modes if isinstance(modes, str) else "mixed")
    f.add("conv", rank, dtype, {"input": x, "weight": w, "bias": b}, args, output, how + remark, mode, batched, label)


CONV_SHAPES = {1: ([7], [3]), 2: ([5, 4], [3, 2]), 3: ([3, 4, 3], [2, 3, 2])}


def conv_variants(rank):
    """Four settings that the grid walks through, so that every mode and every dtype meets each."""
    ones = [1] * rank
    return [
        {"stride": ones, "padding": [1] * rank, "dilation": ones, "groups": 1},
        {"stride": [2] * rank, "padding": [1] * rank, "dilation": ones, "groups": 2},
        {"stride": ([1, 2, 2] if rank == 3 else ones), "padding": [2] * rank, "dilation": [2] + ones[1:], "groups": 1},
        {"stride": [2, 1, 2][:rank], "padding": [1, 0, 2][:rank], "dilation": ones, "groups": 2},
    ]


def conv():
    f = Family("conv.jsonl", "PyTorch's convolutions; other paddings by index gathers, then a convolution without padding")
    turn = itertools.count()
    for rank, dtype, mode, batched in itertools.product(RANKS, NUMBERS, PADDING_MODES, [True, False]):
        n = next(turn)
        sizes, kernel = CONV_SHAPES[rank]
        settings = conv_variants(rank)[(n + n // 8) % 4]
        x_shape = ([2 if rank < 3 else 1] if batched else []) + [2] + sizes
        conv_case(
            f,
            rank,
            dtype,
            x_shape,
            [2, 2 // settings["groups"]] + kernel,
            {**settings, "padding_mode": mode},
            bias=n % 3 != 0,
            batched=batched,
        )
    conv_settings(f)
    conv_beyond(f)
    conv_refusals(f)
    return f


def conv_settings(f):
    """Stride, dilation, groups and sizes one at a time."""
    for stride, dilation, padding in itertools.product([1, 2, 3], [1, 2], [0, 1]):
        conv_case(
            f,
            1,
            "float32",
            [1, 1, 9],
            [1, 1, 3],
            {"stride": [stride], "dilation": [dilation], "padding": [padding]},
            label="stride-dilation",
        )
    conv_case(f, 2, "float32", [1, 4, 4, 3], [8, 1, 3, 2], {"groups": 4, "padding": [1, 1]}, label="depthwise")
    conv_case(f, 1, "float32", [1, 3, 6], [3, 1, 3], {"groups": 3}, label="depthwise")
    conv_case(f, 3, "float32", [1, 3, 3, 3, 3], [3, 1, 2, 2, 2], {"groups": 3}, label="depthwise")
    conv_case(f, 2, "float64", [1, 4, 3, 4], [6, 2, 1, 1], {"groups": 2}, label="pointwise")
    conv_case(f, 2, "float32", [2, 3, 9, 3], [2, 3, 5, 1], {"stride": [3, 2], "padding": [2, 0], "dilation": [2, 1]}, label="asymmetric")
    conv_case(
        f,
        3,
        "float32",
        [1, 1, 6, 3, 4],
        [2, 1, 3, 1, 2],
        {"stride": [2, 1, 3], "padding": [1, 0, 2], "dilation": [1, 2, 1]},
        label="asymmetric",
    )
    conv_case(f, 2, "float32", [0, 2, 4, 4], [3, 2, 2, 2], {}, label="empty-batch")
    conv_case(f, 1, "int32", [0, 2, 4], [3, 2, 2], {}, label="empty-batch")
    conv_case(f, 1, "float32", [1, 1, 3], [1, 1, 3], {}, label="one-output")
    conv_case(f, 1, "float32", [2, 5], [3, 2, 2], {}, batched=False, bias=False, label="defaults")
    for dtype in INTS:  # sums past the type's range
        low = 0 if dtype == "uint8" else -100
        x, w = f.lit([[[100, 120, low, 100]]], dtype), f.lit([[[3, 5, 7]]], dtype)
        output, remark = evaluate(F.conv1d, x.t, w.t)
        assert torch.equal(output, F.conv1d(x.t, w.t))
        f.add("conv", 1, dtype, {"input": x, "weight": w}, {}, output, "torch.nn.functional.conv1d" + remark, "zeros", True, "wrap")
    for dtype in FLOATS:
        x = f.lit([[[1.0, math.nan, 2.0, 3.0, math.inf, 1.0]]], dtype)
        w = f.lit([[[1.0, 0.0]]], dtype)
        output, remark = evaluate(F.conv1d, x.t, w.t)
        f.add("conv", 1, dtype, {"input": x, "weight": w}, {}, output, "torch.nn.functional.conv1d" + remark, "zeros", True, "nan")


def conv_beyond(f):
    """What PyTorch has not: padding per side and mode per axis, wrapping on, same with stride, half, full, rank 4."""
    for padding in [[[2, 0]], [[0, 2]], [[1, 3]]]:
        for mode in PADDING_MODES:
            conv_case(f, 1, "float32", [1, 2, 5], [2, 2, 3], {"padding": padding, "padding_mode": mode}, label="per-side")
    for modes in itertools.permutations(PADDING_MODES, 2):
        conv_case(f, 2, "float32", [1, 1, 4, 3], [1, 1, 3, 3], {"padding": [[1, 2], [2, 0]], "padding_mode": list(modes)}, label="per-axis")
    conv_case(
        f,
        3,
        "float32",
        [1, 1, 3, 4, 3],
        [1, 1, 2, 3, 2],
        {"padding": [[1, 0], [2, 1], [0, 0]], "padding_mode": ["zeros", "circular", "zeros"], "stride": [2, 1, 1]},
        label="per-axis",
    )
    conv_case(
        f,
        3,
        "int16",
        [1, 3, 3, 3],
        [1, 1, 2, 2, 2],
        {"padding": [1, 1, 1], "padding_mode": ["replicate", "circular", "reflect"], "stride": [2, 2, 2]},
        batched=False,
        label="per-axis",
    )
    for size, padding in [(3, [[7, 8]]), (2, [5]), (1, [[2, 3]]), (3, [[3, 3]])]:
        conv_case(f, 1, "float64", [1, 1, size], [1, 1, 3], {"padding": padding, "padding_mode": "circular"}, label="wrap-on")
    conv_case(f, 2, "float32", [1, 1, 2, 3], [1, 1, 2, 2], {"padding": [[5, 0], [0, 7]], "padding_mode": "circular"}, label="wrap-on")
    for kernel, dilation in itertools.product([1, 2, 3, 4], [1, 2]):
        conv_case(f, 1, "float32", [1, 1, 7], [1, 1, kernel], {"padding": "same", "dilation": [dilation]}, label="same")
    for size, kernel, stride in [(5, 3, 2), (6, 3, 2), (7, 4, 3), (7, 2, 3), (8, 5, 2), (5, 1, 3)]:
        conv_case(f, 1, "float32", [1, 1, size], [1, 1, kernel], {"padding": "same", "stride": [stride]}, label="same-stride")
    conv_case(
        f, 2, "float32", [1, 1, 5, 6], [1, 1, 3, 4], {"padding": "same", "stride": [2, 3], "padding_mode": "circular"}, label="same-stride"
    )
    conv_case(
        f,
        2,
        "float32",
        [1, 1, 5, 6],
        [1, 1, 3, 2],
        {"padding": "same", "stride": [1, 2], "padding_mode": ["reflect", "replicate"]},
        label="same-stride",
    )
    for word in ["valid", "half", "full", "same"]:
        for mode in PADDING_MODES:
            conv_case(f, 2, "float32", [1, 1, 4, 5], [1, 1, 3, 2], {"padding": word, "padding_mode": mode}, label=word)
        conv_case(f, 3, "float32", [1, 1, 3, 3, 3], [1, 1, 2, 1, 3], {"padding": word}, label=word)
    conv_case(f, 1, "float32", [1, 1, 6], [1, 1, 3], {"padding": "full", "dilation": [2]}, label="full")
    conv_case(f, 1, "float32", [1, 1, 6], [1, 1, 4], {"padding": "half", "dilation": [2]}, label="half")
    conv_case(f, 4, "float32", [1, 2, 3, 2, 3, 2], [2, 2, 2, 1, 2, 2], {}, label="rank-4")
    conv_case(
        f,
        4,
        "float64",
        [1, 2, 3, 2, 3, 3],
        [2, 1, 2, 2, 2, 2],
        {"groups": 2, "stride": [2, 1, 2, 1], "padding": [1, 0, 1, 0], "padding_mode": "circular"},
        label="rank-4",
    )
    conv_case(
        f,
        4,
        "int32",
        [2, 3, 2, 3, 3],
        [1, 2, 2, 1, 2, 2],
        {"padding": [[0, 1], [1, 0], [0, 0], [0, 0]], "padding_mode": ["zeros", "replicate", "zeros", "reflect"]},
        batched=False,
        label="rank-4",
    )
    conv_case(f, 4, "float32", [1, 1, 3, 3, 3, 3], [1, 1, 2, 2, 2, 2], {"dilation": [2, 1, 2, 1]}, label="rank-4")
    for size, kernel, stride, padding in [(7, 3, 2, 0), (8, 4, 2, 1), (9, 3, 3, 0)]:
        conv_case(f, 1, "float32", [1, 1, size], [1, 1, kernel], {"stride": [stride], "padding": [padding], "strict": True}, label="strict")


def conv_refusals(f):
    """What is refused, with PyTorch's words."""

    def refuse(rank, x_shape, w_shape, bias=None, dtype="float32", w_dtype=None, label="error", **args):
        x, w = f.gen(dtype, *x_shape), f.gen(w_dtype or dtype, *w_shape)
        b = None if bias is None else f.gen(dtype, bias)
        tensors = [x.t, w.t, None if b is None else b.t]
        given = {key: value for key, value in args.items() if key != "padding_mode"}
        f.fail(
            "conv",
            rank,
            dtype,
            {"input": x, "weight": w, "bias": b},
            args,
            lambda: CONV[rank](*tensors, **given),
            f"torch.nn.functional.conv{rank}d",
            "zeros",
            len(x_shape) == rank + 2,
            label,
        )

    for rank in RANKS:
        refuse(rank, [1, 1] + [3] * rank, [1, 1] + [4] * rank, label="kernel-too-large")
        refuse(rank, [1, 3] + [4] * rank, [2, 4] + [2] * rank, label="channels")
        refuse(rank, [1, 1] + [4] * rank, [1, 1] + [2] * rank, padding=[-1] * rank, label="negative-padding")
        refuse(rank, [1, 1] + [4] * rank, [1, 1] + [2] * rank, stride=[0] * rank, label="stride")
        refuse(rank, [1, 1] + [4] * rank, [1, 1] + [2] * rank, dilation=[0] * rank, label="dilation")
        refuse(rank, [1, 1] + [3] * rank, [1, 1] + [2] * rank, dtype="bool", label="bool")
    refuse(2, [1, 1, 5, 5], [1, 1, 3, 3], dilation=[3, 1], label="kernel-too-large")
    refuse(2, [1, 1, 3, 5], [1, 1, 6, 3], padding=[1, 0], label="kernel-too-large")
    refuse(2, [1, 4, 4, 4], [3, 2, 2, 2], groups=2, label="groups")
    refuse(2, [1, 3, 4, 4], [4, 1, 2, 2], groups=2, label="groups")
    refuse(1, [1, 2, 4], [2, 2, 2], groups=0, label="groups")
    refuse(2, [1, 2, 4, 4], [2, 2, 2, 2], groups=-1, label="groups")
    refuse(1, [1, 2, 4], [2, 2, 2], stride=[-1], label="stride")
    refuse(2, [1, 2, 4, 4], [2, 2, 2, 2], bias=3, label="bias")
    refuse(2, [4, 4], [2, 2, 2, 2], label="rank")
    refuse(2, [1, 1, 1, 4, 4], [2, 1, 2, 2], label="rank")
    refuse(1, [1, 2, 4], [2, 2, 2], stride=[1, 1], label="axes")
    refuse(2, [1, 2, 4, 4], [2, 2, 2, 2], padding=[1, 1, 1], label="axes")
    refuse(1, [1, 2, 4], [2, 2, 2], w_dtype="float64", label="dtypes")
    refuse(2, [1, 2, 0, 4], [2, 2, 2, 2], label="zero-size")

    def modes(x_shape, w_shape, mode, padding):
        x, w = f.gen("float32", *x_shape), f.gen("float32", *w_shape)
        flat = [p for p in reversed(padding) for _ in range(2)]
        f.fail(
            "conv",
            len(padding),
            "float32",
            {"input": x, "weight": w},
            {"padding": padding, "padding_mode": mode},
            lambda: F.pad(x.t, flat, mode=mode),
            "torch.nn.functional.pad",
            mode,
            True,
            "reflect-too-far",
        )

    modes([1, 1, 3], [1, 1, 2], "reflect", [3])
    modes([1, 1, 4, 3], [1, 1, 2, 2], "reflect", [1, 3])
    for rank, size, kernel, stride, padding in [
        (1, [8], [3], [2], [0]),
        (2, [7, 8], [3, 3], [2, 2], [0, 0]),
        (2, [6, 5], [2, 2], [2, 2], [0, 0]),
        (1, [11], [3], [3], [1]),
    ]:
        x, w = f.gen("float32", 1, 1, *size), f.gen("float32", 1, 1, *kernel)
        f.fail(
            "conv",
            rank,
            "float32",
            {"input": x, "weight": w},
            {"stride": stride, "padding": padding, "strict": True},
            "strict",
            "strict mode: (n + 2 padding - extent) is not a multiple of the stride",
            "zeros",
            True,
            "strict",
        )


# Transposed convolution


def transpose_sizes(sizes, kernel, pairs, args):
    return [
        (n - 1) * s - b - a + d * (k - 1) + p + 1
        for n, k, (b, a), s, d, p in zip(sizes, kernel, pairs, args["stride"], args["dilation"], args["output_padding"])
    ]


def conv_transpose_oracle(x, weight, bias, args):
    """The adjoint of the padded convolution that maps the output's size to the input's, by its vector-Jacobian product."""
    rank = weight.dim() - 2
    unbatched = x.dim() == rank + 1
    x = x.unsqueeze(0) if unbatched else x
    ones = [1] * rank
    args = {
        "stride": ones,
        "dilation": ones,
        "padding": [0] * rank,
        "output_padding": [0] * rank,
        "groups": 1,
        "padding_mode": "zeros",
        **args,
    }
    modes = args["padding_mode"]
    modes = [modes] * rank if isinstance(modes, str) else modes
    pairs = resolve_padding(args["padding"], None, None, None, None)
    sizes = transpose_sizes(x.shape[2:], weight.shape[2:], pairs, args)
    wide = torch.float64  # exact for every integer the cases hold
    y = torch.zeros(x.shape[0], weight.shape[1] * args["groups"], *sizes, dtype=wide, requires_grad=True)
    forward = CONV[rank](pad_spatial(y, pairs, modes), weight.to(wide), None, args["stride"], 0, args["dilation"], args["groups"])
    for axis, size in enumerate(x.shape[2:]):  # output padding past the stride makes windows that no input element is for
        forward = forward.narrow(axis + 2, 0, size)
    (result,) = torch.autograd.grad(forward, y, x.to(wide), create_graph=x.requires_grad)
    if bias is not None:
        result = result + bias.to(wide).reshape([1, -1] + ones)
    return result.squeeze(0) if unbatched else result


def conv_transpose_case(f, rank, dtype, x_shape, w_shape, args, bias=True, batched=True, label=""):
    groups = args.get("groups", 1)
    x, w = f.gen(dtype, *x_shape), f.gen(dtype, *w_shape)
    b = f.gen(dtype, w_shape[1] * groups) if bias else None
    tensors = [x.t, w.t] + ([b.t] if bias else [])
    given = {key: value for key, value in args.items() if key != "output_size"}
    output, _ = evaluate(lambda x, w, b=None: conv_transpose_oracle(x, w, b, given), *tensors)
    modes = args.get("padding_mode", "zeros")
    if modes == "zeros" and not any(isinstance(p, list) for p in args.get("padding", [])):
        native = {key: value for key, value in given.items() if key != "padding_mode"}
        expected, remark = evaluate(lambda x, w, b=None: CONV_TRANSPOSE[rank](x, w, b, **native), *tensors)
        assert torch.equal(expected, output), (args, expected, output)
        how = f"torch.nn.functional.conv_transpose{rank}d{remark}"
    else:
        how = f"vector-Jacobian product of index-gather padding and torch.nn.functional.conv{rank}d, in float64"
    if "output_size" in args:
        args = {key: value for key, value in args.items() if key != "output_padding"}
    f.add(
        "conv_transpose",
        rank,
        dtype,
        {"input": x, "weight": w, "bias": b},
        args,
        output,
        how,
        modes if isinstance(modes, str) else "mixed",
        batched,
        label,
    )


CONV_TRANSPOSE_SHAPES = {1: ([5], [3]), 2: ([3, 4], [3, 2]), 3: ([3, 2, 3], [2, 3, 2])}


def conv_transpose_variants(rank):
    ones, zeros = [1] * rank, [0] * rank
    return [
        {"stride": ones, "padding": ([1] if rank == 1 else [1, 0, 1][:rank]), "output_padding": zeros, "dilation": ones, "groups": 1},
        {"stride": [2] * rank, "padding": [1] * rank, "output_padding": [1] + zeros[1:], "dilation": ones, "groups": 2},
        {"stride": ones, "padding": [1] + zeros[1:], "output_padding": zeros, "dilation": [2] + ones[1:], "groups": 1},
        {"stride": [2, 3, 1][:rank], "padding": [1, 0, 0][:rank], "output_padding": [0, 1, 0][:rank], "dilation": ones, "groups": 2},
    ]


def conv_transpose():
    f = Family("conv_transpose.jsonl", "PyTorch's transposed convolutions; other padding modes as the exact adjoint of the convolution")
    turn = itertools.count()
    for rank, dtype, mode, batched in itertools.product(RANKS, NUMBERS, PADDING_MODES, [True, False]):
        n = next(turn)
        sizes, kernel = CONV_TRANSPOSE_SHAPES[rank]
        settings = conv_transpose_variants(rank)[(n + n // 8) % 4]
        x_shape = ([2 if rank == 1 else 1] if batched else []) + [2] + sizes
        w_shape = [2, (2 if rank == 1 else 1) if settings["groups"] == 1 else 1] + kernel
        conv_transpose_case(f, rank, dtype, x_shape, w_shape, {**settings, "padding_mode": mode}, bias=n % 3 != 0, batched=batched)
    conv_transpose_settings(f)
    conv_transpose_refusals(f)
    return f


def conv_transpose_settings(f):
    for stride, padding, output_padding in [(1, 0, 0), (2, 0, 0), (2, 1, 1), (3, 1, 2), (3, 0, 1), (3, 2, 0)]:
        conv_transpose_case(
            f,
            1,
            "float32",
            [1, 1, 4],
            [1, 1, 3],
            {"stride": [stride], "padding": [padding], "output_padding": [output_padding]},
            label="size",
        )
    conv_transpose_case(
        f, 1, "float32", [1, 1, 3], [1, 1, 2], {"stride": [1], "dilation": [3], "output_padding": [2]}, label="output-padding-by-dilation"
    )
    conv_transpose_case(f, 2, "float32", [1, 4, 3, 2], [4, 1, 2, 3], {"groups": 4, "stride": [2, 2]}, label="depthwise")
    conv_transpose_case(f, 2, "float32", [1, 4, 2, 2], [4, 3, 2, 2], {"groups": 2}, label="groups")
    conv_transpose_case(f, 2, "float32", [0, 2, 3, 3], [2, 3, 2, 2], {}, label="empty-batch")
    conv_transpose_case(f, 2, "int64", [1, 1, 2, 2], [1, 1, 2, 2], {"stride": [2, 2]}, bias=False, label="integers")
    conv_transpose_case(f, 2, "int64", [1, 1, 2, 2], [1, 1, 2, 2], {}, bias=False, label="integers")
    conv_transpose_case(
        f,
        3,
        "float32",
        [1, 1, 2, 3, 2],
        [1, 2, 2, 1, 3],
        {"stride": [1, 2, 2], "padding": [0, 0, 1], "output_padding": [0, 1, 1], "dilation": [2, 1, 1]},
        label="asymmetric",
    )
    for output, output_padding in [(7, 0), (8, 1)]:
        conv_transpose_case(
            f,
            2,
            "float32",
            [1, 1, 3, 3],
            [1, 1, 3, 3],
            {"stride": [2, 2], "output_size": [output, output], "output_padding": [output_padding] * 2},
            label="output-size",
        )
    conv_transpose_case(
        f,
        1,
        "float32",
        [1, 1, 4],
        [1, 1, 3],
        {"stride": [3], "padding": [1], "output_size": [12], "output_padding": [2]},
        label="output-size",
    )
    # beyond PyTorch: per side, per axis, a ring that wraps more than once, n -> n·s on a circle
    for mode in PADDING_MODES:
        conv_transpose_case(
            f, 1, "float32", [1, 1, 4], [1, 1, 4], {"stride": [2], "padding": [[0, 2]], "padding_mode": mode}, label="per-side"
        )
        conv_transpose_case(
            f,
            1,
            "float32",
            [1, 1, 4],
            [1, 1, 4],
            {"stride": [2], "padding": [[2, 1]], "output_padding": [1], "padding_mode": mode},
            label="per-side",
        )
    for n, k, s in [(5, 4, 2), (5, 3, 2), (4, 5, 3), (3, 3, 1), (3, 2, 3)]:
        total = k - s + (s - k if k < s else 0)
        args = {"stride": [s], "padding": [[total // 2, total - total // 2]], "output_padding": [max(0, s - k)], "padding_mode": "circular"}
        conv_transpose_case(f, 1, "float64", [1, 1, n], [1, 1, k], args, label="ring")
    conv_transpose_case(f, 1, "float64", [1, 1, 7], [1, 1, 5], {"padding": [[4, 4]], "padding_mode": "circular"}, label="wrap-on")
    conv_transpose_case(
        f,
        3,
        "float32",
        [1, 1, 2, 4, 2],
        [1, 1, 2, 4, 3],
        {"stride": [1, 2, 2], "padding": [[0, 0], [1, 1], [1, 1]], "padding_mode": ["zeros", "circular", "zeros"]},
        label="per-axis",
    )
    conv_transpose_case(
        f, 2, "float32", [1, 1, 4, 4], [1, 1, 3, 3], {"padding": [1, 1], "padding_mode": ["reflect", "replicate"]}, label="per-axis"
    )


def conv_transpose_refusals(f):
    def refuse(rank, x_shape, w_shape, dtype="float32", label="error", **args):
        x, w = f.gen(dtype, *x_shape), f.gen(dtype, *w_shape)
        if "output_size" in args:
            layer = getattr(torch.nn, f"ConvTranspose{rank}d")(
                w_shape[0], w_shape[1], w_shape[2:], args.get("stride", 1), args.get("padding", 0)
            )
            call, how = lambda: layer(x.t, output_size=args["output_size"]), f"torch.nn.ConvTranspose{rank}d"
        else:
            call, how = lambda: CONV_TRANSPOSE[rank](x.t, w.t, **args), f"torch.nn.functional.conv_transpose{rank}d"
        f.fail("conv_transpose", rank, dtype, {"input": x, "weight": w}, args, call, how, "zeros", True, label)

    refuse(2, [1, 1, 3, 3], [1, 1, 3, 3], stride=[2, 2], output_size=[10, 10], label="output-size")
    refuse(1, [1, 1, 3], [1, 1, 3], stride=[2], output_size=[6], label="output-size")
    refuse(2, [1, 1, 3, 3], [1, 1, 3, 3], stride=[2, 2], output_size=[8], label="output-size")
    for rank in RANKS:
        refuse(rank, [1, 1] + [3] * rank, [1, 1] + [3] * rank, stride=[2] * rank, output_padding=[2] * rank, label="output-padding")
        refuse(rank, [1, 3] + [3] * rank, [2, 1] + [3] * rank, label="channels")
        refuse(rank, [1, 1] + [3] * rank, [1, 1] + [3] * rank, padding=[-1] * rank, label="negative-padding")
        refuse(rank, [1, 1] + [3] * rank, [1, 1] + [2] * rank, dtype="bool", label="bool")
    refuse(1, [1, 1, 3], [1, 1, 3], stride=[0], label="stride")
    refuse(2, [1, 3, 3, 3], [3, 1, 2, 2], groups=2, label="groups")
    refuse(2, [1, 1, 1, 1], [1, 1, 2, 2], padding=[2, 2], label="too-small")
    refuse(1, [1, 1, 3], [1, 1, 3], output_padding=[-1], label="output-padding")


# Padding


PAD_SHAPES = {1: [5], 2: [4, 3], 3: [3, 3, 2]}
PADS = {
    1: [[2, 1], [3, -1], [-1, 2], [1, 0]],
    2: [[1, 1, 1, 1], [2, 0, 1, 2], [-1, 2, 1, -1], [0, 1, 3, 0]],
    3: [[1, 1, 1, 1, 1, 1], [1, 0, 2, 0, 0, 1], [1, 0, -1, 2, 1, -1], [0, 1, 0, 0, 2, 0]],
}


def pad_oracle(x, pad, mode, value=0):
    """F.pad by gathers: pairs start at the last axis."""
    for i in range(len(pad) // 2):
        x = pad_axis(x, x.dim() - 1 - i, pad[2 * i], pad[2 * i + 1], mode, value)
    return x


def pad_case(f, rank, dtype, shape, pad, mode, batched=True, label="", value=None, x=None):
    x = x or f.gen(dtype, *shape)
    args = {"pad": pad, "mode": mode, **({} if value is None else {"value": value})}
    oracle = pad_oracle(x.t, pad, mode, 0 if value is None else value)
    try:
        output, how = F.pad(x.t, pad, mode=mode, value=value), "torch.nn.functional.pad"
        assert torch.equal(output, oracle) or output.isnan().any(), (pad, mode, output, oracle)
    except (RuntimeError, NotImplementedError):  # wraps more than once, or crops more than PyTorch's circular can
        output, how = oracle, "index gathers, axis by axis"
    f.add("pad", rank, dtype, {"input": x}, args, output, how, mode, batched, label)


def pad():
    f = Family("pad.jsonl", "torch.nn.functional.pad; wrapping more than once by index gathers")
    turn = itertools.count()
    for rank, dtype, mode, batched in itertools.product(RANKS, ALL, ["constant", "reflect", "replicate", "circular"], [True, False]):
        if dtype == "bool" and mode in ("reflect", "replicate"):
            continue
        n = next(turn)
        value = [None, 1, -2, None, 3][n % 5] if mode == "constant" and dtype != "uint8" and dtype != "bool" else None
        pad = PADS[rank][(n + n // 8) % 4]
        pad_case(f, rank, dtype, ([2 if rank < 3 else 1] if batched else []) + [2] + PAD_SHAPES[rank], pad, mode, batched, value=value)
    pad_settings(f)
    pad_refusals(f)
    return f


def pad_settings(f):
    line = lambda: f.lit([[[0.0, 1.0, 2.0, 3.0, 4.0]]])
    for mode in ["constant", "reflect", "replicate", "circular"]:
        for amounts in [[2, -1], [4, -1], [-1, 2], [-2, -1], [-1, 4], [3, -2], [0, 0], [4, 4]]:
            pad_case(f, 1, "float32", None, amounts, mode, label="signs", x=line())
    pad_case(f, 1, "float32", None, [9, -3], "replicate", label="far", x=line())
    for amounts in [[6, 0], [7, 12], [5, -2], [0, 11], [-3, 9], [-1, -1]]:
        pad_case(f, 1, "float32", None, amounts, "circular", label="wrap-on", x=line())
    pad_case(f, 2, "int32", [1, 1, 2, 3], [4, 7, 3, 5], "circular", label="wrap-on")
    pad_case(f, 1, "float32", [1, 1, 1], [3, 2], "circular", label="wrap-on")
    for value in [0.5, -1e30, math.inf, -math.inf]:
        given = value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
        x = f.gen("float32", 1, 1, 3)
        f.add(
            "pad",
            1,
            "float32",
            {"input": x},
            {"pad": [1, 2], "mode": "constant", "value": given},
            F.pad(x.t, [1, 2], value=value),
            "torch.nn.functional.pad",
            "constant",
            True,
            "value",
        )
    pad_case(f, 1, "int8", [1, 1, 3], [1, 1], "constant", label="value", value=-7)
    pad_case(f, 1, "uint8", [1, 1, 3], [1, 1], "constant", label="value", value=200)
    pad_case(f, 1, "bool", [1, 1, 3], [1, 1], "constant", label="value", value=1)
    pad_case(f, 2, "float32", [2, 1, 2, 2], [1, 0, 0, 1, 1, 0, 0, 1], "constant", label="every-axis", value=9)
    pad_case(f, 2, "int64", [2, 3, 2, 2], [0, 0, 0, 0, -1, -1, 0, -1], "constant", label="every-axis")
    pad_case(f, 1, "float32", [4], [2, 1], "constant", batched=False, label="vector", value=5)
    pad_case(f, 1, "float32", [0, 1, 4], [1, 1], "reflect", label="empty-batch")
    pad_case(f, 1, "float32", [1, 1, 0], [1, 2], "constant", label="zero-size", value=4)
    pad_case(f, 1, "float32", [1, 1, 3], [], "constant", label="nothing")
    pad_case(f, 1, "float32", [1, 1, 3], [-1, -2], "constant", label="to-nothing")
    pad_case(f, 1, "float32", None, [1, 1], "replicate", label="nan", x=f.lit([[[math.nan, 1.0, -math.inf]]]))


def pad_refusals(f):
    def refuse(rank, shape, pad, mode, label, how=None):
        x = f.gen("float32", *shape)
        f.fail(
            "pad",
            rank,
            "float32",
            {"input": x},
            {"pad": pad, "mode": mode},
            lambda: F.pad(x.t, pad, mode=mode),
            "torch.nn.functional.pad",
            mode,
            True,
            label,
        )

    refuse(1, [1, 1, 4], [1], "constant", "odd")
    refuse(1, [1, 1, 4], [1, 2, 3], "constant", "odd")
    refuse(1, [1, 1, 4], [1, 2, 3], "reflect", "odd")
    refuse(1, [1, 4], [1, 1, 1, 1, 1, 1], "constant", "too-many")
    refuse(1, [1, 1, 4], [4, 0], "reflect", "reflect-too-far")
    refuse(1, [1, 1, 4], [0, 5], "reflect", "reflect-too-far")
    refuse(1, [1, 1, 5], [5, -2], "reflect", "reflect-too-far")
    refuse(2, [1, 1, 3, 4], [1, 1, 3, 0], "reflect", "reflect-too-far")
    refuse(3, [1, 1, 2, 3, 4], [1, 1, 1, 1, 0, 2], "reflect", "reflect-too-far")
    refuse(1, [1, 1, 5], [-3, -3], "constant", "crop")
    refuse(1, [1, 1, 5], [-3, -3], "reflect", "crop")
    refuse(1, [1, 1, 5], [-3, -3], "replicate", "crop")
    refuse(1, [1, 1, 5], [-3, -3], "circular", "crop")
    refuse(1, [1, 1, 4], [1, 1], "mirror", "mode")
    refuse(1, [1, 1, 0], [1, 1], "reflect", "zero-size")
    refuse(1, [1, 1, 0], [1, 1], "replicate", "zero-size")
