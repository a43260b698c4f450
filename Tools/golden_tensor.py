"""Golden cases: tensor operations, type promotion, printing and random numbers."""

import itertools
import math

import einops
import torch

from golden_core import ALL, DTYPES, FLOATS, HALVES, NUMBERS, Family, dtype_name, literal

NAN, INF = math.nan, math.inf

# Tensor operations

# Where the call is not torch.<op>(*inputs, **args).
CALLS = {
    "cat": lambda *xs, dim=0: torch.cat(xs, dim),
    "stack": lambda *xs, dim=0: torch.stack(xs, dim),
    "einsum": lambda *xs, equation: torch.einsum(equation, *xs),
    "rearrange": lambda x, pattern, axes: einops.rearrange(x, pattern, **axes),
    "repeat": lambda x, pattern, axes: einops.repeat(x, pattern, **axes),
    "reduce": lambda x, pattern, reduction, axes: einops.reduce(x, pattern, reduction, **axes),
    "expand": lambda x, shape: x.expand(shape),
    "split": lambda x, split_size, dim=0: torch.split(x, split_size, dim),
    "sort": lambda x, **args: torch.sort(x, stable=True, **args),
    "max": lambda x, dim=None, keepdim=False: torch.max(x) if dim is None else torch.max(x, dim, keepdim),
    "min": lambda x, dim=None, keepdim=False: torch.min(x) if dim is None else torch.min(x, dim, keepdim),
    "div": lambda a, b, rounding_mode=None: torch.div(a, b, rounding_mode=rounding_mode),
    "to": lambda x, dtype: x.to(DTYPES[dtype]),
    "softmax": lambda x, dim: torch.softmax(x, dim),
    "log_softmax": lambda x, dim: torch.log_softmax(x, dim),
    "gelu": lambda x, approximate="none": torch.nn.functional.gelu(x, approximate=approximate),
    "silu": torch.nn.functional.silu,
    "as_strided": lambda x, size, stride, storage_offset=0: torch.as_strided(x, size, stride, storage_offset),
    "narrow": lambda x, dim, start, length: torch.narrow(x, dim, start, length),
    "gather": lambda x, index, dim: torch.gather(x, dim, index),
    "scatter_add": lambda x, index, src, dim: torch.scatter_add(x, dim, index, src),
    "index_select": lambda x, index, dim: torch.index_select(x, dim, index),
    "unravel_index": lambda x, shape: torch.unravel_index(x, shape),
    "one_hot": lambda x, num_classes=-1: torch.nn.functional.one_hot(x, num_classes),
}
EINOPS = ("rearrange", "repeat", "reduce")


class TensorCases:
    """Adds cases `op(*inputs, **args)`; the inputs are named "0", "1", ... in order."""

    def __init__(self, f):
        self.f = f

    def _parts(self, op, inputs, args):
        call = CALLS.get(op, getattr(torch, op, None))
        how = f"einops.{op}" if op in EINOPS else f"torch.{op}"
        inputs = [x if hasattr(x, "spec") else self.f.lit(x) for x in inputs]
        shared = dict(
            rank=inputs[0].t.dim(),
            dtype=dtype_name(inputs[0].t.dtype),
            inputs={str(i): x for i, x in enumerate(inputs)},
            args=args,
            how=how,
            batched=False,
        )
        return (lambda: call(*[x.t for x in inputs], **args)), shared

    def ok(self, op, *inputs, label="", **args):
        call, shared = self._parts(op, inputs, args)
        outputs = call()
        self.f.add(op, outputs=outputs if torch.is_tensor(outputs) else list(outputs), label=label, **shared)

    def refuse(self, op, *inputs, **args):
        call, shared = self._parts(op, inputs, args)
        self.f.fail(op, refused=call, **shared)


def tensor():
    f = Family("tensor.jsonl", "PyTorch's tensor operations, and einops for rearrange, reduce and repeat")
    t = TensorCases(f)
    reductions(f, t)
    products(f, t)
    patterns(f, t)
    joining_and_moving(f, t)
    ordering(f, t)
    elementwise(f, t)
    return f


def reductions(f, t):
    for op in ["sum", "mean", "prod", "max", "min", "argmax", "argmin", "any", "all"]:
        for dtype in ALL:
            if op == "mean" and dtype not in FLOATS:
                continue
            if op in ("argmax", "argmin", "prod") and dtype == "bool":
                continue
            shape = [2, 2] if op == "prod" and dtype in HALVES else [2, 3]
            t.ok(op, f.gen(dtype, *shape))
            t.ok(op, f.gen(dtype, *shape), dim=-1)
    for op in ["sum", "mean", "max", "argmin", "any", "prod"]:
        t.ok(op, f.gen("float32", 2, 3, 2), dim=1, keepdim=True)
        t.ok(op, f.gen("float32", 2, 3, 2), dim=-3)
    for op in ["sum", "mean", "var", "std", "amax", "any"]:
        t.ok(op, f.gen("float32", 2, 3, 2), dim=[0, -1])
        t.ok(op, f.gen("float64", 2, 3, 2), dim=[1, 2], keepdim=True)
    for op in ["var", "std"]:
        for dtype in FLOATS:
            t.ok(op, f.gen(dtype, 2, 5), dim=1)
        for correction in [0, 1, 2]:
            t.ok(op, f.gen("float32", 3, 4), dim=0, correction=correction)
        t.ok(op, f.gen("float32", 4), correction=0)
        t.ok(op, f.gen("float32", 1))
        t.refuse(op, f.gen("int64", 3))
    for op in ["sum", "prod", "mean", "any", "all"]:
        t.ok(op, f.gen("float32", 0), label="empty")
        t.ok(op, f.gen("float32", 2, 0), dim=1, label="empty")
        t.ok(op, f.gen("float32", 2, 0), dim=0, label="empty")
    t.ok("sum", f.gen("int8", 0), label="empty")
    t.ok("max", f.gen("float32", 2, 0), dim=0, label="empty")
    for op in ["max", "min", "argmax", "argmin"]:
        t.refuse(op, f.gen("float32", 0))
        t.refuse(op, f.gen("float32", 2, 0), dim=1)
        t.ok(op, f.lit([3.0, 5.0, 5.0, 1.0, 1.0]), label="ties")
        t.ok(op, f.lit([[3.0, 5.0, 5.0], [1.0, 1.0, 4.0]]), dim=1, label="ties")
        t.ok(op, f.lit([1.0, NAN, 9.0, NAN, -9.0]), label="nan")
        t.ok(op, f.lit([[1.0, NAN, INF], [-INF, 2.0, 3.0]]), dim=1, label="nan")
    for op in ["sum", "mean", "prod", "all"]:
        t.ok(op, f.lit([1.0, NAN, 2.0]), label="nan")
    t.ok("sum", f.lit([INF, -INF]), label="nan")
    t.ok("sum", f.lit([100, 100, 100], "int8"), label="widens")
    t.ok("sum", f.lit([200, 200], "uint8"), label="widens")
    t.ok("prod", f.lit([100, 100], "int8"), label="widens")
    t.ok("sum", f.lit([2**62, 2**62], "int64"), label="wraps")
    t.ok("sum", f.lit([True, True, False], "bool"), label="counts")
    t.ok("sum", f.gen("float32"), label="scalar")
    t.refuse("mean", f.gen("int32", 3))
    t.refuse("sum", f.gen("float32", 2, 3), dim=2)
    t.refuse("sum", f.gen("float32", 2, 3), dim=-3)
    t.refuse("sum", f.gen("float32", 2, 3), dim=[0, 0])
    for dtype in FLOATS:
        t.ok("softmax", f.gen(dtype, 2, 4), dim=1)
    t.ok("softmax", f.gen("float32", 2, 3, 2), dim=-2)
    t.ok("log_softmax", f.gen("float32", 2, 3), dim=1)
    t.ok("softmax", f.lit([1000.0, 1001.0, -1000.0]), dim=0, label="large")
    t.ok("softmax", f.lit([-INF, 0.0, 1.0]), dim=0, label="infinity")
    t.ok("softmax", f.lit([-INF, -INF]), dim=0, label="infinity")
    t.refuse("softmax", f.gen("int32", 3), dim=0)
    for dtype in ["float32", "float64", "int8", "int32", "uint8", "bool"]:
        t.ok("cumsum", f.gen(dtype, 2, 3), dim=1)
    t.ok("cumsum", f.gen("float32", 3, 2), dim=-2)
    t.ok("cumsum", f.lit([1.0, NAN, 2.0]), dim=0, label="nan")


def products(f, t):
    for dtype in NUMBERS:
        t.ok("matmul", f.gen(dtype, 2, 3), f.gen(dtype, 3, 2))
    for a, b in [
        ([3], [3]),
        ([2, 3], [3]),
        ([3], [3, 2]),
        ([2, 2, 3], [3, 2]),
        ([2, 1, 2, 3], [2, 3, 1]),
        ([3], [2, 3, 2]),
        ([2, 2, 3], [3]),
        ([2, 0], [0, 3]),
        ([0, 2], [2, 3]),
    ]:
        t.ok("matmul", f.gen("float32", *a), f.gen("float32", *b))
    t.refuse("matmul", f.gen("float32", 2, 3), f.gen("float32", 2, 3))
    t.refuse("matmul", f.gen("float32", 2, 2, 3), f.gen("float32", 3, 3, 2))
    t.refuse("matmul", f.gen("float32"), f.gen("float32", 2))
    t.refuse("matmul", f.gen("float32", 2, 2), f.gen("float64", 2, 2))
    for dims in [0, 1, 2, [[0], [1]], [[1, 2], [1, 0]], [[-1], [0]]]:
        a, b = {0: ([2], [3]), 1: ([2, 3], [3, 2]), 2: ([2, 3, 2], [3, 2, 2])}.get(
            dims if isinstance(dims, int) else None, ([2, 3, 2], [2, 3])
        )
        if dims == [[0], [1]]:
            a, b = [3, 2], [2, 3]
        t.ok("tensordot", f.gen("float32", *a), f.gen("float32", *b), dims=dims)
    t.ok("tensordot", f.gen("int64", 2, 3), f.gen("int64", 3, 2), dims=1)
    t.refuse("tensordot", f.gen("float32", 2, 3), f.gen("float32", 2, 3), dims=1)
    for equation, *shapes in [
        ("ij,jk->ik", [2, 3], [3, 2]),
        ("ij->ji", [2, 3]),
        ("ii->i", [3, 3]),
        ("ii", [3, 3]),
        ("i,j->ij", [2], [3]),
        ("bij,bjk->bik", [2, 2, 3], [2, 3, 2]),
        ("...ij,...jk->...ik", [2, 2, 3], [2, 3, 2]),
        ("ij,ij->", [2, 3], [2, 3]),
        ("bhdn,bhen->bhde", [1, 2, 2, 3], [1, 2, 2, 3]),
        ("ba,cb", [2, 3], [2, 2]),
        ("i,ij,j->", [2], [2, 3], [3]),
        ("ijk->j", [2, 3, 2]),
        (" i j -> j ", [2, 3]),
    ]:
        t.ok("einsum", *[f.gen("float32", *shape) for shape in shapes], equation=equation)
    t.ok("einsum", f.gen("int64", 2, 3), f.gen("int64", 3), equation="ij,j->i")
    t.refuse("einsum", f.gen("float32", 2, 3), f.gen("float32", 2, 3), equation="ij,jk->ik")
    t.refuse("einsum", f.gen("float32", 2, 3), equation="ijk->i")
    t.refuse("einsum", f.gen("float32", 2, 3), equation="ij->k")
    t.refuse("einsum", f.gen("float32", 2, 3), f.gen("float32", 3), equation="ij->i")


def patterns(f, t):
    for pattern, shape, axes in [
        ("b c h w -> b h w c", [1, 2, 2, 3], {}),
        ("b c h w -> b (c h w)", [2, 2, 1, 3], {}),
        ("b (c p) h -> b c (h p)", [1, 4, 3], {"p": 2}),
        ("b (c p1 p2) t h w -> b c t (h p1) (w p2)", [1, 4, 1, 2, 2], {"p1": 2, "p2": 2}),
        ("b (c p) t h w -> b c (t p) h w", [1, 2, 2, 1, 2], {"p": 2}),
        ("(a b) -> b a", [6], {"a": 2}),
        ("a b -> (b a)", [2, 3], {}),
        ("a b -> a 1 b", [2, 3], {}),
        ("a 1 b -> a b", [2, 1, 3], {}),
        ("... a b -> ... b a", [2, 2, 3], {}),
        ("b ... -> (b ...)", [2, 2, 2], {}),
        ("a b -> a b ()", [2, 2], {}),
        ("(h h2) (w w2) -> (h w) h2 w2", [4, 4], {"h2": 2, "w2": 2}),
        ("b (h c) n -> b h c n", [1, 4, 3], {"h": 2}),
    ]:
        t.ok("rearrange", f.gen("float32", *shape), pattern=pattern, axes=axes)
    for pattern, shape, axes in [
        ("h w -> h w c", [2, 2], {"c": 2}),
        ("h w -> (h 2) w", [2, 2], {}),
        ("h w -> (2 h) w", [2, 2], {}),
        ("h w -> h (w r)", [2, 2], {"r": 3}),
        ("a -> b a", [3], {"b": 2}),
        ("a 1 -> a c", [2, 1], {"c": 3}),
    ]:
        if pattern == "a 1 -> a c":
            pattern = "a 1 -> a 1 c"
        t.ok("repeat", f.gen("int32", *shape), pattern=pattern, axes=axes)
    for reduction, (pattern, shape, axes) in itertools.product(
        ["mean", "max", "min", "sum", "prod"],
        [("b c h w -> b c", [1, 2, 2, 2], {}), ("(h p) w -> h w", [4, 3], {"p": 2}), ("a b -> 1 b", [2, 3], {})],
    ):
        t.ok("reduce", f.gen("float32", *shape), pattern=pattern, reduction=reduction, axes=axes)
    t.ok("reduce", f.gen("float32", 2, 3), pattern="a b ->", reduction="sum", axes={})
    for pattern, shape, axes in [
        ("a b -> a", [2, 3], {}),
        ("a b -> a b c", [2, 3], {}),
        ("a b c -> a", [2, 3], {}),
        ("(a b) -> a b", [5], {"a": 2}),
        ("(a b) -> a b", [6], {}),
        ("a a -> a", [2, 2], {}),
        ("a b", [2, 3], {}),
        ("(a b -> a b", [6], {"a": 2}),
        ("a b -> b a", [2, 3], {"c": 2}),
        ("a b -> b a", [2, 3], {"a": 4}),
        ("a-b -> a", [2], {}),
    ]:
        t.refuse("rearrange", f.gen("float32", *shape), pattern=pattern, axes=axes)
    t.refuse("repeat", f.gen("float32", 2), pattern="a -> a b", axes={})
    t.refuse("reduce", f.gen("float32", 2, 2), pattern="a b -> a c", reduction="sum", axes={})
    t.refuse("reduce", f.gen("float32", 2, 2), pattern="a b -> a", reduction="median", axes={})


def joining_and_moving(f, t):
    for dtype in ["float32", "float16", "int8", "bool"]:
        t.ok("cat", f.gen(dtype, 2, 2), f.gen(dtype, 1, 2), dim=0)
        t.ok("stack", f.gen(dtype, 2, 2), f.gen(dtype, 2, 2), dim=-1)
        t.ok("flip", f.gen(dtype, 2, 3), dims=[0, -1])
        t.ok("roll", f.gen(dtype, 2, 3), shifts=[1, -1], dims=[0, 1])
    t.ok("cat", f.gen("float32", 2, 1), f.gen("float32", 2, 0), f.gen("float32", 2, 2), dim=1)
    t.ok("cat", f.gen("float32", 2), f.gen("int32", 2), dim=0)
    t.ok("stack", f.gen("float32", 2), f.gen("float32", 2), f.gen("float32", 2), dim=1)
    t.refuse("cat", f.gen("float32", 2, 2), f.gen("float32", 2, 3), dim=0)
    t.refuse("cat", f.gen("float32", 2, 2), f.gen("float32", 2), dim=0)
    t.refuse("stack", f.gen("float32", 2), f.gen("float32", 3), dim=0)
    for size, dim in [(2, 0), (3, 0), ([1, 4], 0), ([2, 0, 3], 0), (1, 1)]:
        t.ok("split", f.gen("float32", 5, 2), split_size=size, dim=dim)
    t.refuse("split", f.gen("float32", 5), split_size=[2, 2], dim=0)
    for chunks in [1, 2, 3, 4, 7]:
        t.ok("chunk", f.gen("float32", 6), chunks=chunks, dim=0)
    t.refuse("chunk", f.gen("float32", 6), chunks=0, dim=0)
    t.ok("roll", f.gen("float32", 2, 3), shifts=4)
    t.ok("roll", f.gen("float32", 5), shifts=-7, dims=0)
    t.refuse("flip", f.gen("float32", 2, 3), dims=[0, 0])
    t.ok("transpose", f.gen("float32", 2, 3, 2), dim0=0, dim1=-1)
    t.ok("permute", f.gen("int64", 2, 3, 2), dims=[2, 0, 1])
    t.ok("permute", f.gen("float32", 2, 3, 2), dims=[-1, 1, 0])
    t.refuse("permute", f.gen("float32", 2, 3), dims=[0, 0])
    t.refuse("permute", f.gen("float32", 2, 3), dims=[0])
    for shape in [[6], [3, -1], [1, 6, 1], [-1]]:
        t.ok("reshape", f.gen("float32", 2, 3), shape=shape)
    t.ok("reshape", f.gen("float32", 0, 3), shape=[3, 0])
    t.refuse("reshape", f.gen("float32", 2, 3), shape=[4, 2])
    t.refuse("reshape", f.gen("float32", 2, 3), shape=[-1, 4])
    t.refuse("reshape", f.gen("float32", 2, 3), shape=[-1, -1])
    t.refuse("reshape", f.gen("float32", 0, 3), shape=[-1, 0])
    t.ok("expand", f.gen("float32", 1, 3), shape=[2, 3])
    t.ok("expand", f.gen("float32", 3), shape=[2, -1])
    t.refuse("expand", f.gen("float32", 2, 3), shape=[4, 3])
    t.ok("squeeze", f.gen("float32", 1, 2, 1))
    t.ok("squeeze", f.gen("float32", 1, 2, 1), dim=-1)
    t.ok("squeeze", f.gen("float32", 1, 2, 1), dim=1)
    t.ok("unsqueeze", f.gen("float32", 2, 2), dim=-1)
    t.ok("narrow", f.gen("float32", 4, 2), dim=0, start=1, length=2)
    t.refuse("narrow", f.gen("float32", 4, 2), dim=0, start=3, length=2)
    t.ok("as_strided", f.gen("float32", 9), size=[3, 3], stride=[2, 1])
    t.ok("as_strided", f.gen("float32", 4, 4), size=[2, 2, 3, 3], stride=[4, 1, 4, 1])
    t.ok("as_strided", f.gen("int16", 6), size=[2, 3], stride=[0, 2], storage_offset=1)
    t.refuse("as_strided", f.gen("float32", 4), size=[3], stride=[2])
    t.refuse("as_strided", f.gen("float32", 4), size=[2], stride=[-1])
    t.refuse("as_strided", f.gen("float32", 4), size=[2, 2], stride=[1])
    index = f.lit([[0, 1, 1], [1, 0, 0]], "int64")
    t.ok("gather", f.gen("float32", 2, 3), index, dim=0)
    t.ok("gather", f.gen("int8", 2, 3), f.lit([[2, 0], [1, 1]], "int64"), dim=-1)
    t.refuse("gather", f.gen("float32", 2, 3), f.lit([[3]], "int64"), dim=1)
    t.refuse("gather", f.gen("float32", 2, 3), f.lit([0], "int64"), dim=1)
    t.ok("scatter_add", f.gen("float32", 2, 3), index, f.gen("float32", 2, 3), dim=0)
    t.ok("scatter_add", f.gen("int32", 2, 3), f.lit([[2, 2, 2], [0, 1, 0]], "int64"), f.gen("int32", 2, 3), dim=1)
    t.refuse("scatter_add", f.gen("float32", 2, 3), f.lit([[3]], "int64"), f.gen("float32", 1, 1), dim=1)
    t.ok("index_select", f.gen("float32", 3, 2), f.lit([2, 0, 2], "int64"), dim=0)
    t.refuse("index_select", f.gen("float32", 3, 2), f.lit([3], "int64"), dim=0)
    t.ok("where", f.lit([[True, False], [False, True]], "bool"), f.gen("float32", 2, 2), f.gen("float32", 2, 2))
    t.ok("where", f.lit([True, False], "bool"), f.gen("int32", 2, 1), f.gen("float32", 2))
    t.ok("unravel_index", f.lit([0, 5, 11, 7], "int64"), shape=[3, 4])
    t.ok("unravel_index", f.lit([[23, 1]], "int64"), shape=[2, 3, 4])
    t.ok("one_hot", f.lit([0, 2, 1], "int64"))
    t.ok("one_hot", f.lit([0, 2], "int64"), num_classes=4)
    t.ok("nonzero", f.lit([[0.0, 1.0], [NAN, 0.0]]))


def ordering(f, t):
    for dtype in ["float32", "bfloat16", "int8", "uint8", "bool"]:
        t.ok("sort", f.gen(dtype, 2, 4), dim=-1)
        t.ok("sort", f.gen(dtype, 2, 4), dim=-1, descending=True)
    t.ok("sort", f.gen("float32", 3, 2), dim=0)
    t.ok("sort", f.lit([NAN, 1.0, -INF, INF, NAN, 0.0]), dim=0, label="nan")
    t.ok("sort", f.lit([NAN, 1.0, -INF, INF, NAN, 0.0]), dim=0, descending=True, label="nan")
    t.ok("sort", f.lit([2.0, 1.0, 2.0, 1.0]), dim=0, descending=True, label="stable")
    for k, largest in [(0, True), (2, True), (2, False), (5, True), (5, False)]:
        t.ok("topk", f.lit([3.0, -1.0, 4.0, 1.5, 9.0]), k=k, dim=0, largest=largest)
    t.ok("topk", f.lit([[3, 9, 5], [7, 2, 8]], "int32"), k=2, dim=-1)
    t.ok("topk", f.lit([[3, 9, 5], [7, 2, 8]], "int32"), k=1, dim=0)
    t.ok("topk", f.lit([3.0, NAN, 4.0]), k=2, dim=0, label="nan")
    t.refuse("topk", f.lit([3.0, 1.0]), k=3, dim=0)


def elementwise(f, t):
    for op in [
        "abs",
        "neg",
        "sign",
        "exp",
        "log",
        "sqrt",
        "square",
        "floor",
        "ceil",
        "round",
        "trunc",
        "tanh",
        "sigmoid",
        "sin",
        "cos",
        "erf",
        "reciprocal",
        "relu",
        "gelu",
        "silu",
    ]:
        t.ok(op, f.gen("float32", 6))
    for op, dtype in itertools.product(["exp", "sqrt", "tanh", "gelu"], ["float16", "bfloat16", "float64"]):
        t.ok(op, f.gen(dtype, 5))
    t.ok("gelu", f.gen("float32", 5), approximate="tanh")
    for op in ["abs", "neg", "sign", "square"]:
        t.ok(op, f.lit([-128, -3, 0, 5, 127], "int8"), label="wraps")
    for op in ["exp", "sqrt", "sin"]:
        t.ok(op, f.lit([0, 1, 4], "int32"), label="promotes")
    t.ok("round", f.lit([0.5, 1.5, 2.5, -0.5, -1.5, 2.4]), label="half-to-even")
    for op in ["isnan", "isinf", "isfinite", "sign", "relu", "abs", "floor", "sqrt", "exp", "logical_not"]:
        t.ok(op, f.lit([NAN, INF, -INF, -0.0, 2.5]), label="special")
    t.ok("neg", f.lit([3, 0], "uint8"), label="wraps")
    t.refuse("neg", f.lit([True], "bool"))
    t.ok("logical_not", f.lit([0, 3], "int32"))
    for args in [{"min": -1, "max": 1}, {"min": 0}, {"max": 0.5}, {"min": 1, "max": -1}]:
        t.ok("clamp", f.gen("float32", 5), **args)
    t.ok("clamp", f.gen("int16", 5), min=-3, max=3)
    t.ok("clamp", f.lit([NAN, 5.0, -5.0]), min=-1, max=1, label="nan")
    t.refuse("clamp", f.gen("float32", 2))
    for op, dtype in itertools.product(
        ["add", "sub", "mul", "div", "maximum", "minimum", "eq", "lt", "ge"],
        ["float16", "bfloat16", "float32", "float64", "int8", "int64", "uint8"],
    ):
        t.ok(op, f.gen(dtype, 2, 2), f.gen(dtype, 2))
    for op in ["add", "mul", "eq", "logical_and", "logical_or", "logical_xor", "maximum"]:
        t.ok(op, f.gen("bool", 4), f.gen("bool", 4))
    t.refuse("sub", f.gen("bool", 4), f.gen("bool", 4))
    for a, b in [([2, 1], [3]), ([1], [2, 2]), ([], [2]), ([2, 1, 2], [3, 1]), ([0], [1]), ([2, 0], [1, 1])]:
        t.ok("add", f.gen("float32", *a), f.gen("float32", *b), label="broadcast")
    t.refuse("add", f.gen("float32", 2), f.gen("float32", 3))
    t.refuse("mul", f.gen("float32", 2, 3), f.gen("float32", 2))
    for dtype in ["int8", "int32", "int64"]:
        a, b = f.lit([7, -7, 7, -7, 6, -6, 0, -128], dtype), f.lit([2, 2, -2, -2, 3, 3, 5, -1], dtype)
        for op in ["floor_divide", "remainder", "fmod", "div"]:
            t.ok(op, a, b, label="signs")
        t.ok("div", a, b, rounding_mode="trunc", label="signs")
        t.ok("div", a, b, rounding_mode="floor", label="signs")
    a, b = f.lit([7.5, -7.5, 7.5, -7.5, 1.0, INF, 0.0, NAN]), f.lit([2.0, 2.0, -2.0, -2.0, 0.0, 2.0, 0.0, 1.0])
    for op in ["floor_divide", "remainder", "fmod", "div"]:
        t.ok(op, a, b, label="signs")
    for dtype in ["int32", "uint8"]:
        for op in ["floor_divide", "remainder"]:
            t.refuse(op, f.lit([1, 2], dtype), f.lit([1, 0], dtype))
    t.ok("div", f.lit([1, -1, 0], "int32"), f.lit([0, 0, 0], "int32"), label="by-zero")
    t.ok("pow", f.lit([2, -3, 0, 1], "int32"), f.lit([5, 3, 0, 9], "int32"))
    t.ok("pow", f.lit([2.0, -3.0, 0.0, 4.0, -1.0]), f.lit([0.5, 3.0, 0.0, -0.5, 0.5]))
    t.ok("pow", f.lit([2, 3, -2], "int8"), f.lit([7, 5, 7], "int8"), label="wraps")
    t.ok("pow", f.lit([2, 1, -1], "int32"), f.lit([-1, -2, -3], "int32"), label="negative-exponent")
    for op in ["add", "mul", "sub"]:
        t.ok(op, f.lit([127, -128, 100], "int8"), f.lit([1, -1, 100], "int8"), label="wraps")
        t.ok(op, f.lit([255, 0, 200], "uint8"), f.lit([1, 1, 100], "uint8"), label="wraps")
    t.ok("add", f.lit([2**63 - 1], "int64"), f.lit([1], "int64"), label="wraps")
    t.ok("maximum", f.lit([1.0, NAN, 0.0]), f.lit([NAN, 1.0, -0.0]), label="nan")
    t.ok("eq", f.lit([NAN, 0.0, INF]), f.lit([NAN, -0.0, INF]), label="nan")
    conversions = {
        "float32": [1.9, -1.9, 0.0, 200.0],
        "int32": [300, -1, 0, 127],
        "int64": [2**40 + 5, -1, 1, 0],
        "float64": [0.1, 1e-8, 70000.0, -2.5],
        "bool": [True, False],
    }
    for dtype, values in conversions.items():
        for target in ALL:
            if dtype.startswith("float") and target == "uint8":
                continue  # a negative float as uint8 is undefined in C
            if dtype.startswith("float") and target in ("int8", "int16"):
                values_ = [v for v in values if abs(v) < 128]  # out of range is undefined in C
            else:
                values_ = values
            t.ok("to", f.lit(values_, dtype), dtype=target)


# Promotion

SCALARS = {"int": 2, "float": 1.5, "bool": True}
PROMOTED = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.true_divide,
    "floor_divide": torch.floor_divide,
    "remainder": torch.remainder,
    "pow": torch.pow,
    "lt": torch.lt,
    "eq": torch.eq,
    "maximum": torch.maximum,
}


def result_dtype(call, a, b):
    """The result's type, or "error"."""
    try:
        return dtype_name(call(a, b).dtype)
    except Exception:  # noqa: BLE001 - that it is refused is the answer
        return "error"


def promotion():
    f = Family(
        "promotion.jsonl",
        'the dtype of torch.<op>(a, b) for 1-D tensors, for a 0-D tensor b, and for Python scalars b; "error" where PyTorch refuses',
    )
    for a, b in itertools.product(ALL, ALL):
        x, y = torch.ones(2, dtype=DTYPES[a]), torch.ones(2, dtype=DTYPES[b])
        f.line(op="promotion", a=a, b=b, **{name: result_dtype(call, x, y) for name, call in PROMOTED.items()})
    for a, b in itertools.product(ALL, ALL):
        x, y = torch.ones(2, dtype=DTYPES[a]), torch.ones((), dtype=DTYPES[b])
        f.line(op="promotion", a=a, zero_dim=b, add=result_dtype(torch.add, x, y), div=result_dtype(torch.true_divide, x, y))
    for a, (name, scalar) in itertools.product(ALL, SCALARS.items()):
        x = torch.ones(2, dtype=DTYPES[a])
        f.line(op="promotion", a=a, scalar=name, **{op: result_dtype(call, x, scalar) for op, call in PROMOTED.items() if op != "maximum"})
    return f


# Printing


def printing():
    f = Family("printing.jsonl", "repr(tensor) with PyTorch's default print options")

    def show(x):
        x = x if hasattr(x, "spec") else f.lit(x)
        f.line(op="printing", input=x.spec, text=repr(x.t))

    for dtype in ALL:
        show(f.gen(dtype, 4))
        show(f.gen(dtype, 2, 3))
        show(f.gen(dtype))
        show(f.gen(dtype, 0))
    lists = [
        [1.0, 2.0, 3.0],
        [1.0, -2.0, 30.0],
        [0.5, 1.25, -3.125],
        [0.1, 0.2, 0.3],
        [1e-5, 1.0],
        [1e-4, 1.0],
        [1e-3, 1.0],
        [1e-4, 1e-1],
        [0.001, 1.0, 999.9],
        [0.001, 2.0],
        [1e8, 1.5],
        [1e8 + 8, 1.0],
        [1e9, 1.0],
        [99999999.0, 0.5],
        [123456789.0],
        [1e10, 2e10],
        [1e-10],
        [1000.0, 1.0],
        [1001.0, 0.9],
        [10000.5, 1.0],
        [1e20, 1e-20],
        [0.00011],
        [0.00009],
        [12345.678],
        [NAN],
        [INF],
        [NAN, 1.0, -INF],
        [NAN, 1.5],
        [INF, 0.25, -1.0],
        [NAN, INF],
        [0.0, -0.0],
        [0.0],
        [-1.0],
        [1e-38, 0.0],
        [3.4e38],
        [65504.0, 0.1],
        [1 / 3, 2 / 3, 100 / 3],
        [999.99995, 1.0],
        [0.99999, 0.5],
        [0.00005, 0.5],
    ]
    for values in lists:
        show(values)
    for values in [[1.0, 2.0], [0.1, 1e-9], [math.pi], [1e300, 1.0]]:
        show(f.lit(values, "float64"))
    for dtype in HALVES:
        show(f.lit([0.1, 1000.0, -2.5], dtype))
    for value in [3.0, 0.1, -1e-6, 1e9, NAN]:
        show(f.lit(value))
    for values, dtype in [
        ([1, -20, 300], "int64"),
        ([0, 255], "uint8"),
        ([-128, 127], "int8"),
        ([2**63 - 1, -(2**63)], "int64"),
        (7, "int32"),
        (True, "bool"),
        ([[True, False], [False, True]], "bool"),
    ]:
        show(f.lit(values, dtype))
    for shape in [[2, 2, 2], [1, 2, 2, 2], [2, 1, 1, 1, 2], [1, 1], [3, 1], [1, 0], [0, 3], [2, 0, 2]]:
        show(f.gen("float32", *shape))
        show(f.gen("int64", *shape))
    for dtype, shape in [
        ("float32", [20]),
        ("float32", [40]),
        ("float32", [2, 15]),
        ("int64", [30]),
        ("int64", [2, 40]),
        ("bool", [20]),
        ("int8", [26]),
        ("float64", [17]),
        ("float32", [2, 2, 13]),
    ]:
        show(f.gen(dtype, *shape))  # lines of 80 columns
    for dtype, shape in [
        ("float32", [1000]),
        ("float32", [1001]),
        ("int64", [2000]),
        ("float32", [40, 40]),
        ("float32", [7, 200]),
        ("float32", [200, 7]),
        ("float32", [6, 200]),
        ("int32", [11, 10, 10]),
        ("float32", [2, 30, 30]),
        ("float32", [3, 3, 3, 50]),
        ("bool", [1500]),
        ("float16", [1001, 2]),
        ("int64", [1001, 1]),
        ("uint8", [8, 8, 8, 8]),
    ]:
        show(f.gen(dtype, *shape))  # more than 1000 elements are summarised
    return f


# Random numbers

# From 16 normals on PyTorch uses vector approximations of log, sin and cos, whose last bits depend on the machine.
VECTOR_NORMALS = {"float32": 2e-6, "float16": 1e-3, "bfloat16": 8e-3}


def random():
    f = Family("random.jsonl", "torch.manual_seed(seed), then the calls one after another")

    def draw(call, shape, dtype, args):
        kind = DTYPES[dtype]
        if call in ("rand", "randn"):
            return getattr(torch, call)(shape, dtype=kind)
        if call == "randint":
            return torch.randint(args["low"], args["high"], shape, dtype=kind)
        if call == "randperm":
            return torch.randperm(shape[0], dtype=kind)
        if call == "bernoulli":
            return torch.bernoulli(torch.full(shape, args["p"], dtype=kind))
        if call == "uniform_":
            return torch.empty(shape, dtype=kind).uniform_(args["from"], args["to"])
        assert call == "normal_"
        return torch.empty(shape, dtype=kind).normal_(args["mean"], args["std"])

    def sequence(seed, *calls):
        torch.manual_seed(seed)
        rows = []
        for call, shape, dtype, *args in calls:
            args = args[0] if args else {}
            row = {"call": call, "shape": shape, "dtype": dtype, "args": args, "output": literal(draw(call, shape, dtype, args))}
            if call in ("randn", "normal_") and math.prod(shape) >= 16 and dtype in VECTOR_NORMALS:
                row["tolerance"] = VECTOR_NORMALS[dtype]
            rows.append(row)
        f.line(op="random", seed=seed, calls=rows)

    for seed in [0, 1, 42, 2**32 - 1, 2**32 + 5]:
        sequence(
            seed,
            ("rand", [5], "float32"),
            ("randn", [3], "float32"),
            ("randint", [6], "int64", {"low": 0, "high": 10}),
            ("randperm", [8], "int64"),
            ("randn", [20], "float32"),
            ("rand", [3], "float64"),
        )
    for dtype in FLOATS:
        sequence(7, ("rand", [9], dtype))
        for count in [1, 2, 15, 16, 17, 33]:
            sequence(7, ("randn", [count], dtype))
        sequence(
            3,
            ("uniform_", [7], dtype, {"from": -1, "to": 1}),
            ("normal_", [6], dtype, {"mean": 1, "std": 2}),
            ("normal_", [18], dtype, {"mean": -1, "std": 0.5}),
            ("uniform_", [2, 2], dtype, {"from": 0.25, "to": 3}),
        )
    for first, second in itertools.product(["float32", "float64"], repeat=2):  # the spare normal of an odd count outlives the call
        sequence(11, ("randn", [3], first), ("rand", [2], first), ("randn", [3], second), ("randn", [16], first), ("randn", [2], second))
    sequence(
        5,
        ("randint", [5], "int64", {"low": -3, "high": 4}),
        ("randint", [4], "int32", {"low": 0, "high": 1000}),
        ("randint", [4], "int64", {"low": 0, "high": 2**28}),
        ("randint", [4], "int64", {"low": 0, "high": 2**31}),
        ("randint", [4], "int64", {"low": 0, "high": 2**32 + 1}),
        ("randint", [4], "int64", {"low": -(2**40), "high": 2**40}),
        ("randint", [4], "uint8", {"low": 0, "high": 256}),
        ("randint", [4], "float32", {"low": 0, "high": 9}),
    )
    for count in [0, 1, 2, 5, 20]:
        sequence(9, ("randperm", [count], "int64"), ("rand", [2], "float32"))
    sequence(2, ("bernoulli", [10], "float64", {"p": 0.5}), ("rand", [2], "float64"))
    sequence(0, ("rand", [2, 3], "float32"), ("rand", [0], "float32"), ("rand", [], "float32"), ("randn", [2, 2, 5], "float32"))
    sequence(0, ("rand", [700], "float32"))  # past the generator's first 624 words
    return f
