"""Golden cases: pooling, unpooling, interpolation, unfold and fold."""

import itertools
import math

import torch
import torch.nn.functional as F

from golden_core import ALL, FLOATS, INTS, NUMBERS, RANKS, Family, evaluate, generated, pad_axis

MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
LP_POOL = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
ADAPTIVE_AVG = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
MAX_UNPOOL = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
SHAPES = {1: [7], 2: [5, 6], 3: [3, 4, 4]}


def lead(batched, rank):
    """Batch and channel sizes for a grid cell."""
    return ([2 if rank < 3 else 1] if batched else []) + [2]


class Maker:
    """Adds cases of one operation that takes one input and keyword arguments."""

    def __init__(self, f, op, functions, moves=False, **fixed):
        self.f, self.op, self.functions, self.moves, self.fixed = f, op, functions, moves, fixed

    def name(self, rank):
        return f"torch.nn.functional.{self.op}{rank}d"

    def case(self, rank, dtype, args, shape=None, x=None, batched=True, label="", mode="-", **extra):
        x = x or self.f.gen(dtype, *shape)
        outputs, remark = evaluate(lambda x: self.functions[rank](x, **args, **self.fixed), x.t, moves=self.moves)
        self.f.add(self.op, rank, dtype, {"input": x}, args, outputs, self.name(rank) + remark, mode, batched, label, **extra)

    def refuse(self, rank, dtype, args, shape=None, x=None, batched=True, label="error", mode="-"):
        x = x or self.f.gen(dtype, *shape)
        self.f.fail(
            self.op,
            rank,
            dtype,
            {"input": x},
            args,
            lambda: self.functions[rank](x.t, **args, **self.fixed),
            self.name(rank),
            mode,
            batched,
            label,
        )


def refuse_integers(f, op, args, instead):
    """Volute's own refusal, where PyTorch answers one integer type in a way of its own."""
    f.fail(
        op,
        1,
        "int64",
        {"input": f.gen("int64", 1, 1, 4)},
        args,
        "not implemented for integers",
        f"Volute refuses this; PyTorch {instead}",
        label="integers",
    )


# Max pooling


def max_pool():
    f = Family("max_pool.jsonl", "PyTorch's max pooling with return_indices; outputs are values and flat spatial indices")
    make = Maker(f, "max_pool", MAX_POOL, moves=True, return_indices=True)
    variants = lambda rank: [
        {"kernel_size": [2] * rank},
        {"kernel_size": [3] * rank, "stride": [2] * rank, "padding": [1] * rank},
        {"kernel_size": [2] * rank, "stride": [1, 2, 1][:rank], "dilation": [2, 1, 2][:rank]},
        {"kernel_size": [3, 2, 2][:rank], "stride": [2] * rank, "padding": [1, 1, 0][:rank], "ceil_mode": True},
    ]
    for n, (rank, dtype, batched) in enumerate(itertools.product(RANKS, NUMBERS, [True, False])):
        make.case(rank, dtype, variants(rank)[(n + n // 4) % 4], lead(batched, rank) + SHAPES[rank], batched=batched)
    nan = math.nan
    line = lambda *values: f.lit([[list(values)]])
    make.case(1, "float32", {"kernel_size": [2], "stride": [1]}, x=line(1.0, 1.0, 0.0, 0.0, 1.0, 1.0), label="ties")
    make.case(2, "float32", {"kernel_size": [2, 2]}, x=f.lit(torch.zeros(1, 1, 4, 4)), label="ties")
    make.case(
        3, "float64", {"kernel_size": [2, 2, 2], "stride": [1, 1, 1]}, x=f.lit(torch.ones(1, 1, 2, 3, 3, dtype=torch.float64)), label="ties"
    )
    for dtype in FLOATS:
        x = f.lit([[[1.0, nan, 3.0, 2.0, nan, nan, 0.0, 5.0]]], dtype)
        make.case(1, dtype, {"kernel_size": [2], "stride": [1]}, x=x, label="nan")
    make.case(
        2,
        "float32",
        {"kernel_size": [2, 2], "stride": [1, 1]},
        x=f.lit([[[[1.0, nan, 0.0], [4.0, 5.0, nan], [7.0, 8.0, 9.0]]]]),
        label="nan",
    )
    make.case(
        1,
        "float32",
        {"kernel_size": [3], "stride": [1], "padding": [1]},
        x=line(-math.inf, -math.inf, -math.inf, 1.0, math.inf),
        label="infinity",
    )
    make.case(1, "float32", {"kernel_size": [2], "padding": [1]}, x=line(-5.0, -6.0, -7.0, -8.0), label="padding-is-minus-infinity")
    make.case(1, "int8", {"kernel_size": [2], "padding": [1]}, x=f.lit([[[-128, -128, -127, -5]]], "int8"), label="lowest")
    make.case(1, "uint8", {"kernel_size": [2], "stride": [1]}, x=f.lit([[[0, 255, 128, 127]]], "uint8"), label="unsigned")
    for size, kernel, stride, padding in [(6, 3, 2, 1), (5, 2, 2, 1), (5, 2, 3, 1), (7, 3, 3, 0), (4, 1, 3, 0), (3, 2, 4, 1)]:
        make.case(
            1, "float32", {"kernel_size": [kernel], "stride": [stride], "padding": [padding], "ceil_mode": True}, [1, 1, size], label="ceil"
        )
    make.case(2, "float32", {"kernel_size": [3, 2], "stride": [2, 3], "padding": [1, 0], "ceil_mode": True}, [1, 1, 6, 5], label="ceil")
    make.case(2, "float32", {"kernel_size": [2, 3], "stride": [1, 2], "dilation": [3, 2]}, [1, 2, 5, 6], label="dilation")
    make.case(2, "float32", {"kernel_size": [2, 2]}, [0, 2, 4, 4], label="empty-batch")
    for rank in RANKS:
        shape = [1, 1] + [4] * rank
        make.refuse(rank, "float32", {"kernel_size": [2] * rank, "padding": [2] * rank}, shape, label="padding")
        make.refuse(rank, "float32", {"kernel_size": [5] * rank}, shape, label="kernel-too-large")
        make.refuse(rank, "bool", {"kernel_size": [2] * rank}, shape, label="bool")
        make.refuse(rank, "float32", {"kernel_size": [2] * rank, "stride": [0] * rank}, shape, label="stride")
        make.refuse(rank, "float32", {"kernel_size": [2] * rank, "padding": [-1] * rank}, shape, label="negative-padding")
    make.refuse(2, "float32", {"kernel_size": [0, 2]}, [1, 1, 4, 4], label="kernel")
    make.refuse(2, "float32", {"kernel_size": [2, 2], "dilation": [0, 1]}, [1, 1, 4, 4], label="dilation")
    make.refuse(2, "float32", {"kernel_size": [2, 2]}, [1, 0, 4, 4], label="zero-size")
    make.refuse(2, "float32", {"kernel_size": [2, 2]}, [4, 4], batched=False, label="rank")
    return f


# Average and Lp pooling


def averaged(rank):  # F.avg_pool1d has no divisor_override: pool along the last axis of a 2-D image there
    def call(x, kernel_size, stride=None, padding=(0,), ceil_mode=False, count_include_pad=True, divisor_override=None):
        if rank == 1 and divisor_override is not None:
            stride = stride or kernel_size
            y = F.avg_pool2d(
                x.unsqueeze(-2),
                [1] + list(kernel_size),
                [1] + list(stride),
                [0] + list(padding),
                ceil_mode,
                count_include_pad,
                divisor_override,
            )
            return y.squeeze(-2)
        padding = list(padding) if len(padding) == rank else [0] * rank
        rest = () if rank == 1 else (divisor_override,)
        return AVG_POOL[rank](x, kernel_size, stride, padding, ceil_mode, count_include_pad, *rest)

    return call


def avg_pool():
    f = Family("avg_pool.jsonl", "PyTorch's average pooling")

    make = Maker(f, "avg_pool", {rank: averaged(rank) for rank in RANKS})
    variants = lambda rank: [
        {"kernel_size": [2] * rank},
        {"kernel_size": [3] * rank, "stride": [2] * rank, "padding": [1] * rank},
        {"kernel_size": [3] * rank, "stride": [2] * rank, "padding": [1] * rank, "ceil_mode": True, "count_include_pad": False},
        {"kernel_size": [2, 3, 2][:rank], "stride": [1, 2, 2][:rank], "padding": [1, 0, 1][:rank], "divisor_override": 3},
    ]
    for n, (rank, dtype, batched) in enumerate(itertools.product(RANKS, FLOATS, [True, False])):
        make.case(rank, dtype, variants(rank)[(n + n // 4) % 4], lead(batched, rank) + SHAPES[rank], batched=batched)
    for include in [True, False]:
        make.case(
            1,
            "float32",
            {"kernel_size": [3], "stride": [2], "padding": [1], "ceil_mode": True, "count_include_pad": include},
            x=f.lit([[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]]),
            label="ceil",
        )
        for size, kernel, stride, padding in [(5, 2, 2, 1), (5, 2, 3, 1), (7, 4, 3, 2), (3, 2, 4, 1), (4, 3, 3, 1)]:
            make.case(
                1,
                "float32",
                {"kernel_size": [kernel], "stride": [stride], "padding": [padding], "ceil_mode": True, "count_include_pad": include},
                [1, 1, size],
                label="ceil",
            )
        for override in [None, 1, 5, -2]:
            args = {"kernel_size": [2, 3], "stride": [2, 2], "padding": [1, 1], "ceil_mode": True, "count_include_pad": include}
            make.case(2, "float32", {**args, **({} if override is None else {"divisor_override": override})}, [1, 1, 4, 5], label="divisor")
    make.case(
        3,
        "float32",
        {"kernel_size": [2, 2, 3], "stride": [2, 1, 2], "padding": [1, 0, 1], "ceil_mode": True, "count_include_pad": False},
        [1, 1, 3, 3, 4],
        label="ceil",
    )
    make.case(1, "float32", {"kernel_size": [2], "stride": [1]}, x=f.lit([[[1.0, math.nan, 2.0, math.inf, -math.inf, 0.0]]]), label="nan")
    make.case(2, "float32", {"kernel_size": [2, 2]}, [0, 2, 4, 4], label="empty-batch")
    for rank in RANKS:
        shape = [1, 1] + [4] * rank
        make.refuse(rank, "float32", {"kernel_size": [2] * rank, "padding": [2] * rank}, shape, label="padding")
        make.refuse(rank, "float32", {"kernel_size": [5] * rank}, shape, label="kernel-too-large")
        make.refuse(rank, "float32", {"kernel_size": [2] * rank, "stride": [0] * rank}, shape, label="stride")
        make.refuse(rank, "int32", {"kernel_size": [2] * rank}, shape, label="integers")
        make.refuse(rank, "bool", {"kernel_size": [2] * rank}, shape, label="bool")
    refuse_integers(f, "avg_pool", {"kernel_size": [2]}, "truncates int64 averages")
    make.refuse(2, "float32", {"kernel_size": [2, 2], "divisor_override": 0}, [1, 1, 4, 4], label="divisor")
    make.refuse(3, "float32", {"kernel_size": [2, 2, 2], "divisor_override": 0}, [1, 1, 4, 4, 4], label="divisor")
    make.refuse(2, "float32", {"kernel_size": [2, 2]}, [4, 4], batched=False, label="rank")
    return f


# F.lp_pool1d takes its one kernel size as a number.
LP_POOLED = {
    **LP_POOL,
    1: lambda x, norm_type, kernel_size, stride=(None,), ceil_mode=False: F.lp_pool1d(
        x, norm_type, kernel_size[0], stride[0], ceil_mode
    ),
}


def lp_pool():
    f = Family("lp_pool.jsonl", "PyTorch's Lp pooling")
    make = Maker(f, "lp_pool", LP_POOLED)
    variants = lambda rank: [
        {"norm_type": 2, "kernel_size": [2] * rank},
        {"norm_type": 1, "kernel_size": [2] * rank, "stride": [1, 2, 2][:rank]},
        {"norm_type": 4, "kernel_size": [3, 2, 2][:rank], "stride": [2] * rank},
    ]
    for n, (rank, dtype, batched) in enumerate(itertools.product(RANKS, FLOATS, [True, False])):
        make.case(rank, dtype, variants(rank)[(n + n // 3) % 3], lead(batched, rank) + SHAPES[rank], batched=batched)
    positive = lambda: f.lit([[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]])
    for norm in [1, 2, 3, 0.5, 1.5]:
        make.case(1, "float32", {"norm_type": norm, "kernel_size": [3], "stride": [2]}, x=positive(), label="norm")
    make.case(1, "float32", {"norm_type": 3, "kernel_size": [2]}, x=f.lit([[[-1.0, -2.0, 3.0, -1.0, 2.0, 2.0]]]), label="odd-norm")
    make.case(1, "float32", {"norm_type": 1, "kernel_size": [2]}, x=f.lit([[[-1.0, -2.0, 3.0, -1.0, 2.0, 2.0]]]), label="odd-norm")
    make.case(1, "float32", {"norm_type": 2, "kernel_size": [2], "ceil_mode": True}, x=positive(), label="ceil")
    make.case(2, "float32", {"norm_type": 2, "kernel_size": [2, 3], "stride": [2, 2], "ceil_mode": True}, [1, 1, 5, 6], label="ceil")
    make.refuse(1, "float32", {"norm_type": 2, "kernel_size": [5]}, [1, 1, 4], label="kernel-too-large")
    make.refuse(2, "float32", {"norm_type": 2, "kernel_size": [5, 2]}, [1, 1, 4, 4], label="kernel-too-large")
    refuse_integers(f, "lp_pool", {"norm_type": 2, "kernel_size": [2]}, "promotes integers to float32")
    make.refuse(1, "float32", {"norm_type": 0, "kernel_size": [2]}, [1, 1, 4], label="norm")
    return f


# Adaptive pooling


def adaptive_pool():
    f = Family("adaptive_pool.jsonl", "PyTorch's adaptive average and max pooling; max gives values and flat spatial indices")
    avg = Maker(f, "adaptive_avg_pool", ADAPTIVE_AVG)
    largest = Maker(f, "adaptive_max_pool", ADAPTIVE_MAX, moves=True, return_indices=True)
    sizes = {1: [[3], [1], [5]], 2: [[2, 3], [3, 1], [4, 5]], 3: [[2, 2, 3], [1, 3, 2], [2, 1, 1]]}
    for make, dtypes in [(avg, FLOATS), (largest, NUMBERS)]:
        for n, (rank, dtype, batched) in enumerate(itertools.product(RANKS, dtypes, [True, False])):
            make.case(rank, dtype, {"output_size": sizes[rank][(n + n // 3) % 3]}, lead(batched, rank) + SHAPES[rank], batched=batched)
        for size in [1, 2, 4, 7, 9]:
            make.case(1, "float32", {"output_size": [size]}, [1, 1, 7], label="sizes")
        make.case(2, "float32", {"output_size": [None, 2]}, [1, 1, 3, 5], label="kept-axis")
        make.case(1, "float32", {"output_size": [3]}, x=f.lit([[[1.0, math.nan, 2.0, 2.0, 0.0]]]), label="nan")
        make.case(2, "float32", {"output_size": [2, 2]}, [0, 2, 4, 4], label="empty-batch")
        make.refuse(2, "float32", {"output_size": [-1, 2]}, [1, 1, 4, 4], label="output-size")
        make.refuse(1, "float32", {"output_size": [2]}, [1, 1, 0], label="zero-size")
        make.refuse(2, "float32", {"output_size": [2, 2]}, [4, 4], batched=False, label="rank")
        make.refuse(2, "bool", {"output_size": [2, 2]}, [1, 1, 4, 4], label="bool")
    largest.case(1, "float32", {"output_size": [2]}, x=f.lit([[[1.0, 1.0, 1.0, 1.0]]]), label="ties")
    for rank in RANKS:
        avg.refuse(rank, "int64", {"output_size": [2] * rank}, [1, 1] + [4] * rank, label="integers")
    avg.refuse(2, "uint8", {"output_size": [2, 2]}, [1, 1, 4, 4], label="integers")
    return f


# Max unpooling


def max_unpool():
    f = Family("max_unpool.jsonl", "PyTorch's max unpooling of what its max pooling gave")

    def case(rank, dtype, shape, args, batched=True, label=""):
        pool = {key: value for key, value in args.items() if key != "output_size"}
        source = generated(shape, torch.float64, 1000 + f.seed)
        pooled, indices = MAX_POOL[rank](source, **pool, return_indices=True)
        x = f.gen(dtype, *pooled.shape)
        output, remark = evaluate(lambda x: MAX_UNPOOL[rank](x, indices, **args), x.t, moves=True)
        f.add(
            "max_unpool",
            rank,
            dtype,
            {"input": x, "indices": f.lit(indices)},
            args,
            output,
            f"torch.nn.functional.max_unpool{rank}d{remark}",
            "-",
            batched,
            label,
        )

    variants = lambda rank: [
        {"kernel_size": [2] * rank},
        {"kernel_size": [2] * rank, "stride": [2] * rank, "output_size": SHAPES[rank]},
        {"kernel_size": [3] * rank, "stride": [3] * rank, "padding": [1] * rank, **({} if rank == 1 else {"output_size": SHAPES[rank]})},
    ]
    for n, (rank, dtype, batched) in enumerate(itertools.product(RANKS, NUMBERS, [True, False])):
        case(rank, dtype, lead(batched, rank) + SHAPES[rank], variants(rank)[(n + n // 3) % 3], batched)

    def direct(rank, values, indices, args, label, refused=False):
        x, i = f.lit(values), f.lit(indices, "int64")
        call = lambda: MAX_UNPOOL[rank](x.t, i.t, **args)
        how = f"torch.nn.functional.max_unpool{rank}d"
        if refused:
            f.fail("max_unpool", rank, "float32", {"input": x, "indices": i}, args, call, how, "-", True, label)
        else:
            f.add("max_unpool", rank, "float32", {"input": x, "indices": i}, args, call(), how, "-", True, label)

    square, four = [[[[1.0, 2.0], [3.0, 4.0]]]], {"kernel_size": [2, 2]}
    direct(2, square, [[[[0, 0], [0, 15]]]], four, "repeated-index")  # the last one stays
    direct(1, [[[math.nan, -math.inf]]], [[[1, 2]]], {"kernel_size": [2]}, "nan")
    direct(2, square, [[[[0, 2], [8, 16]]]], four, "index", True)
    direct(2, square, [[[[0, 2], [-1, 3]]]], four, "index", True)
    direct(1, [[[1.0, 2.0]]], [[[0, 9]]], {"kernel_size": [2]}, "index", True)
    direct(3, [[[[[1.0]]]]], [[[[[8]]]]], {"kernel_size": [2, 2, 2]}, "index", True)
    direct(2, square, [[[[0, 2], [8, 10]]]], {"kernel_size": [2, 2], "output_size": [9, 9]}, "output-size", True)
    direct(1, [[[1.0, 2.0]]], [[[0, 2]]], {"kernel_size": [2], "output_size": [2]}, "output-size", True)
    direct(2, square, [[[[0, 2, 8]]]], four, "shapes", True)
    return f


# Interpolation

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
INTERPOLATE_SHAPES = {1: [5], 2: [4, 3], 3: [2, 3, 3]}


def interpolate():
    f = Family("interpolate.jsonl", "torch.nn.functional.interpolate; float16 and bfloat16 in float32, rounded once")

    def case(rank, dtype, mode, args, shape=None, x=None, label=""):
        kind = LINEAR[rank] if mode == "linear" else mode
        x = x or f.gen(dtype, *shape)
        full = {**args, "mode": kind}
        moves = mode.startswith("nearest")
        native = moves or dtype == "uint8"  # PyTorch has integer kernels of its own for uint8
        if native:
            output, remark = F.interpolate(x.t, **full), ""
        else:
            output, remark = evaluate(lambda x: F.interpolate(x, **full), x.t)
        extra = {}
        if dtype == "uint8" and not moves:  # fixed-point weights and rounding between the axes: units away from the rounded float result
            rounded = F.interpolate(x.t.double(), **full).round().clamp(0, 255)
            off = (rounded - output.double()).abs().max().item()
            assert off <= 3, off
            extra = {"atol": int(off)} if off else {}
        f.add(
            "interpolate", rank, dtype, {"input": x}, full, output, "torch.nn.functional.interpolate" + remark, mode, True, label, **extra
        )

    ways = lambda rank: [
        {"scale_factor": 2},
        {"size": [7, 5, 4][:rank]},
        {"scale_factor": [1.5, 0.5, 2.0][:rank]},
        {"size": [3, 2, 1][:rank]},
    ]
    turn = itertools.count()
    for rank, mode in itertools.product(RANKS, ["nearest", "nearest-exact", "linear", "bicubic", "area"]):
        if mode == "bicubic" and rank != 2:
            continue
        moves = mode.startswith("nearest")
        for dtype in FLOATS + (["uint8"] if moves or (rank == 2 and mode != "area") else []):
            for _ in range(2):
                n = next(turn)
                case(rank, dtype, mode, ways(rank)[(n + n // 4) % 4], [1, 2] + INTERPOLATE_SHAPES[rank])
    for mode in ["nearest", "nearest-exact", "linear", "area"]:
        for size in [1, 2, 3, 7, 9, 13]:
            case(1, "float32", mode, {"size": [size]}, [1, 1, 5], label="size")
        for scale in [2.3, 0.6, 0.4, 1.0, 1.7]:
            for recompute in [None, True]:
                case(
                    1,
                    "float32",
                    mode,
                    {"scale_factor": scale, **({"recompute_scale_factor": True} if recompute else {})},
                    [1, 1, 7],
                    label="scale",
                )
    for mode, rank in [("linear", 1), ("linear", 2), ("linear", 3), ("bicubic", 2)]:
        for args in [
            {"size": [6, 5, 4][:rank]},
            {"scale_factor": 2.3},
            {"size": [1] * rank},
            {"size": [2, 2, 2][:rank]},
            {"scale_factor": 0.5},
        ]:
            if rank == 3 and "scale_factor" in args:
                args = {"scale_factor": [1.5, 1.0, 0.7]}
            case(rank, "float32", mode, {**args, "align_corners": True}, [1, 1] + INTERPOLATE_SHAPES[rank], label="align-corners")
    for mode in ["linear", "bicubic"]:
        for scale, recompute in itertools.product([2.3, 0.4, [1.7, 0.6]], [None, True]):
            case(
                2,
                "float32",
                mode,
                {"scale_factor": scale, **({"recompute_scale_factor": True} if recompute else {})},
                [1, 1, 4, 5],
                label="scale",
            )
        for size, corners in itertools.product([[3, 2], [2, 5], [1, 1], [8, 9], [4, 3]], [False, True]):
            case(
                2,
                "float32",
                mode,
                {"size": size, "antialias": True, **({"align_corners": True} if corners else {})},
                [1, 1, 7, 6],
                label="antialias",
            )
        case(2, "float64", mode, {"scale_factor": 0.4, "antialias": True}, [1, 1, 7, 6], label="antialias")
        case(2, "uint8", mode, {"size": [3, 3], "antialias": True}, [1, 1, 7, 6], label="antialias")
        case(2, "float16", mode, {"size": [3, 3], "antialias": True}, [1, 1, 7, 6], label="antialias")
        case(2, "uint8", mode, {"size": [5, 5]}, x=f.lit([[[[0, 255], [0, 255]]]], "uint8"), label="saturate")
        case(2, "uint8", mode, {"scale_factor": 2}, [1, 3, 4, 4], label="uint8")
    for mode in ["nearest", "linear", "area"]:
        case(2, "float32", mode, {"size": [2, 2]}, [0, 1, 3, 3], label="empty-batch")
    case(1, "float32", "linear", {"scale_factor": 2}, x=f.lit([[[1.0, math.nan, 2.0, math.inf, 3.0]]]), label="nan")
    case(1, "float32", "nearest", {"scale_factor": 2}, x=f.lit([[[1.0, math.nan, math.inf]]]), label="nan")
    case(2, "float32", "linear", {"scale_factor": 2}, x=f.lit([[[[1.0, 2.0], [3.0, 4.0]]]]), label="doubled")

    def refuse(rank, dtype, kind, shape, label, **args):
        x, full = f.gen(dtype, *shape), {**args, "mode": kind}
        mode = "linear" if kind in LINEAR.values() else kind
        f.fail(
            "interpolate",
            rank,
            dtype,
            {"input": x},
            full,
            lambda: F.interpolate(x.t, **full),
            "torch.nn.functional.interpolate",
            mode,
            True,
            label,
        )

    for kind in ["nearest", "nearest-exact", "area"]:
        refuse(2, "float32", kind, [1, 1, 3, 3], "align-corners", scale_factor=2, align_corners=True)
    refuse(2, "float32", "bilinear", [1, 1, 3, 3], "both", size=[4, 4], scale_factor=2)
    refuse(2, "float32", "bilinear", [1, 1, 3, 3], "neither")
    refuse(2, "float32", "bilinear", [1, 1, 3, 3], "axes", size=[4, 4, 4])
    refuse(2, "float32", "bilinear", [1, 1, 3, 3], "axes", scale_factor=[2.0])
    refuse(2, "float32", "bilinear", [1, 1, 3, 3], "recompute", size=[4, 4], recompute_scale_factor=True)
    refuse(2, "float32", "bilinear", [1, 1, 3, 3], "to-nothing", scale_factor=0.2)
    refuse(2, "float32", "nearest", [1, 1, 3, 3], "to-nothing", size=[0, 3])
    refuse(1, "float32", "linear", [1, 1, 0], "zero-size", size=[3])
    refuse(2, "float32", "linear", [1, 1, 3, 3], "mode", scale_factor=2)
    refuse(1, "float32", "bilinear", [1, 1, 3], "mode", scale_factor=2)
    refuse(2, "float32", "trilinear", [1, 1, 3, 3], "mode", scale_factor=2)
    refuse(1, "float32", "bicubic", [1, 1, 3], "mode", scale_factor=2)
    refuse(3, "float32", "bicubic", [1, 1, 3, 3, 3], "mode", scale_factor=2)
    refuse(2, "float32", "hermite", [1, 1, 3, 3], "mode", scale_factor=2)
    refuse(1, "float32", "linear", [1, 1, 6], "antialias", scale_factor=0.5, antialias=True)
    refuse(2, "float32", "nearest", [1, 1, 6, 6], "antialias", scale_factor=0.5, antialias=True)
    refuse(3, "float32", "trilinear", [1, 1, 4, 4, 4], "antialias", scale_factor=0.5, antialias=True)
    for kind, dtype in itertools.product(["nearest", "bilinear", "bicubic", "area"], ["int64", "bool"]):
        refuse(2, dtype, kind, [1, 1, 3, 3], "dtype", scale_factor=2)
    refuse(1, "uint8", "linear", [1, 1, 3], "dtype", scale_factor=2)
    refuse(3, "uint8", "trilinear", [1, 1, 2, 2, 2], "dtype", scale_factor=2)
    refuse(2, "uint8", "area", [1, 1, 4, 4], "dtype", size=[2, 2])
    return f


# Unfold and fold


def settings_of(args, rank):
    ones = [1] * rank
    return args["kernel_size"], args.get("stride", ones), args.get("padding", [0] * rank), args.get("dilation", ones)


def patches(sizes, args):
    """How many kernel positions there are along each axis of an image of these sizes."""
    return [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(sizes, *settings_of(args, len(sizes)))]


def taps(sizes, args):
    """For every kernel tap, in C order, the strided slice of the padded image that it reads."""
    kernel, stride, _, dilation = settings_of(args, len(sizes))
    for tap in itertools.product(*[range(k) for k in kernel]):
        yield (slice(None), slice(None)) + tuple(
            slice(t * d, t * d + s * (size - 1) + 1, s) for t, d, s, size in zip(tap, dilation, stride, patches(sizes, args))
        )


def unfold_oracle(x, args):
    """Strided slices of the zero-padded image: columns ordered channel, then tap, as PyTorch's 2-D unfold has them."""
    rank = len(args["kernel_size"])
    unbatched = x.dim() == rank + 1
    x = x.unsqueeze(0) if unbatched else x
    sizes = x.shape[2:]
    for axis, p in enumerate(settings_of(args, rank)[2]):
        x = pad_axis(x, axis + 2, p, p, "zeros")
    columns = torch.stack([x[where].flatten(2) for where in taps(sizes, args)], 2).flatten(1, 2)
    return columns.squeeze(0) if unbatched else columns


def fold_oracle(columns, args):
    """The adjoint: each column is added back where it was read (for bool: or)."""
    sizes, rank = args["output_size"], len(args["kernel_size"])
    unbatched = columns.dim() == 2
    columns = columns.unsqueeze(0) if unbatched else columns
    padding = settings_of(args, rank)[2]
    count = math.prod(args["kernel_size"])
    columns = columns.reshape([columns.shape[0], -1, count] + patches(sizes, args))
    image = torch.zeros([columns.shape[0], columns.shape[1]] + [n + 2 * p for n, p in zip(sizes, padding)], dtype=columns.dtype)
    for i, where in enumerate(taps(sizes, args)):
        image[where] += columns[:, :, i]
    for axis, p in enumerate(padding):
        image = pad_axis(image, axis + 2, -p, -p, "zeros")
    return image.squeeze(0) if unbatched else image


def unfold():
    f = Family(
        "unfold.jsonl", "PyTorch's unfold and fold for 2-D; strided slices in the same column order for other ranks and for integers"
    )

    def case(op, rank, dtype, shape, args, batched=True, label=""):
        x = f.gen(dtype, *shape)
        oracle, native = (unfold_oracle, F.unfold) if op == "unfold" else (fold_oracle, F.fold)
        output, remark = evaluate(lambda x: oracle(x, args), x.t, moves=op == "unfold" or dtype == "bool")
        how = "strided slices" + remark
        if rank == 2 and dtype not in INTS:
            expected, remark = evaluate(lambda x: native(x, **args), x.t, moves=op == "unfold" or dtype == "bool")
            assert torch.equal(expected, output), (op, dtype, args)
            how = f"torch.nn.functional.{op}{remark}"
        f.add(op, rank, dtype, {"input": x}, args, output, how, "-", batched, label)

    sizes = {1: [6], 2: [3, 4], 3: [3, 2, 3]}
    variants = lambda rank: [
        {"kernel_size": [2] * rank},
        {"kernel_size": [3, 2, 2][:rank], "padding": [1, 0, 0][:rank], "stride": [2, 2, 1][:rank]},
        {"kernel_size": [2, 2, 1][:rank], "padding": [1, 1, 0][:rank], "stride": [2, 1, 2][:rank], "dilation": [2, 1, 1][:rank]},
    ]
    for n, (rank, dtype, batched) in enumerate(itertools.product(RANKS, ALL, [True, False])):
        args = variants(rank)[(n + n // 3) % 3]
        start = [1] if batched else []
        case("unfold", rank, dtype, start + [2] + sizes[rank], args, batched)
        columns = start + [math.prod(args["kernel_size"]), math.prod(patches(sizes[rank], args))]
        case("fold", rank, dtype, columns, {"output_size": sizes[rank], **args}, batched)
    case("unfold", 2, "float32", [0, 2, 3, 3], {"kernel_size": [2, 2]}, label="empty-batch")
    case("unfold", 2, "float32", [2, 3, 3, 3], {"kernel_size": [3, 3]}, label="one-column")
    case("fold", 2, "float32", [2, 18, 2], {"output_size": [3, 4], "kernel_size": [3, 3]}, label="channels")

    def refuse(op, shape, args, label):
        x = f.gen("float32", *shape)
        native = F.unfold if op == "unfold" else F.fold
        f.fail(op, 2, "float32", {"input": x}, args, lambda: native(x.t, **args), f"torch.nn.functional.{op}", "-", True, label)

    refuse("unfold", [1, 1, 3, 3], {"kernel_size": [4, 4]}, "kernel-too-large")
    refuse("unfold", [1, 1, 3, 3], {"kernel_size": [2, 2], "stride": [0, 1]}, "stride")
    refuse("unfold", [1, 1, 3, 3], {"kernel_size": [2, 2], "padding": [-1, 0]}, "negative-padding")
    refuse("unfold", [1, 1, 3, 3], {"kernel_size": [2, 2], "dilation": [0, 1]}, "dilation")
    refuse("fold", [1, 5, 4], {"output_size": [3, 3], "kernel_size": [2, 2]}, "channels")
    refuse("fold", [1, 4, 5], {"output_size": [3, 3], "kernel_size": [2, 2]}, "columns")
    refuse("fold", [1, 4, 4], {"output_size": [1, 1], "kernel_size": [2, 2]}, "kernel-too-large")
    return f
