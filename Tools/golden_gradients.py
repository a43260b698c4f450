"""Golden cases: gradients and second gradients of the operations, and forwards of those that no other file holds.

Every case of the other families that can be differentiated is taken again in float64; norms, activations, losses,
indexing and shuffling are added. With a case's seed s, output i is given the cotangent generated(shape, s + i), and the
gradient by input j is weighed with generated(shape, s + 100 + j); the second gradient is that of the weighed sum.
"""

import math

import torch
import torch.nn.functional as F

import golden_conv
import golden_pool
import golden_tensor
from golden_core import DTYPES, Family, dtype_name, error_text, generated, literal

# The operations as differentiable functions of (rank, args, *inputs)


def conv_transpose(rank, args, x, w, b=None):
    if "output_size" in args:
        start = golden_conv.transpose_sizes(
            x.shape[-rank:],
            w.shape[2:],
            golden_conv.resolve_padding(args.get("padding", [0] * rank), None, None, None, None),
            {"stride": [1] * rank, "dilation": [1] * rank, "output_padding": [0] * rank, **args},
        )
        args = {**args, "output_padding": [asked - size for asked, size in zip(args["output_size"], start)]}
        del args["output_size"]
    return golden_conv.conv_transpose_oracle(x, w, b, args)


def pad(rank, args, x):
    try:
        return F.pad(x, args["pad"], mode=args["mode"], value=float(args["value"]) if "value" in args else None)
    except (RuntimeError, NotImplementedError):
        return golden_conv.pad_oracle(x, args["pad"], args["mode"])


def pixel(call, factors):
    """PyTorch's shuffles for two equal factors, and the same written out for others."""

    def run(x, factors):
        if len(factors) == 2 and factors[0] == factors[1]:
            return call(x, factors[0])
        rank, lead, size = len(factors), list(x.shape[: -len(factors)]), list(x.shape[-len(factors) :])
        if call is F.pixel_shuffle:
            split = x.reshape(lead[:-1] + [lead[-1] // math.prod(factors)] + factors + size)
            first = len(lead)
            order = list(range(first)) + [axis for i in range(rank) for axis in (first + rank + i, first + i)]
            return split.permute(order).reshape(lead[:-1] + [-1] + [n * f for n, f in zip(size, factors)])
        split = x.reshape(lead + [part for n, f in zip(size, factors) for part in (n // f, f)])
        first = len(lead)
        order = list(range(first)) + [first + 2 * i + 1 for i in range(rank)] + [first + 2 * i for i in range(rank)]
        return split.permute(order).reshape(lead[:-1] + [-1] + [n // f for n, f in zip(size, factors)])

    return lambda x, factors: run(x, factors)


def subscript(index):
    """A written index as PyTorch takes it: a number, [start, stop, step], "..." or "new"."""
    words = {"...": Ellipsis, "new": None}
    return tuple(slice(*part) if isinstance(part, list) else words.get(part, part) for part in index)


def assigned(x, value, index):
    result = x.clone()
    result[subscript(index)] = value
    return result


def batch_norm(x, weight=None, bias=None, running_mean=None, running_var=None, training=True, eps=1e-5):
    return F.batch_norm(x, running_mean, running_var, weight, bias, training, 0.1, eps)


def largest(rank, op, args, x):
    """Values only; the extremes along a dimension share their gradient among equals, as amax and amin do."""
    if "dim" in args:
        return getattr(torch, "amax" if op == "max" else "amin")(x, args["dim"], args.get("keepdim", False))
    return getattr(torch, op)(x)


WINDOWS = {
    "conv": lambda rank, args, x, w, b=None: golden_conv.conv_oracle(x, w, b, args),
    "conv_transpose": conv_transpose,
    "pad": pad,
    "max_pool": lambda rank, args, x: golden_pool.MAX_POOL[rank](x, **args),
    "avg_pool": lambda rank, args, x: golden_pool.averaged(rank)(x, **args),
    "lp_pool": lambda rank, args, x: golden_pool.LP_POOLED[rank](x, **args),
    "adaptive_avg_pool": lambda rank, args, x: golden_pool.ADAPTIVE_AVG[rank](x, **args),
    "adaptive_max_pool": lambda rank, args, x: golden_pool.ADAPTIVE_MAX[rank](x, **args),
    "max_unpool": lambda rank, args, x, indices: golden_pool.MAX_UNPOOL[rank](x, indices, **args),
    "interpolate": lambda rank, args, x: F.interpolate(x, **args),
    "unfold": lambda rank, args, x: golden_pool.unfold_oracle(x, args),
    "fold": lambda rank, args, x: golden_pool.fold_oracle(x, args),
    "max": lambda rank, args, x: largest(rank, "max", args, x),
    "min": lambda rank, args, x: largest(rank, "min", args, x),
}
CALLS = {
    **golden_tensor.CALLS,
    "leaky_relu": lambda x, slope: F.leaky_relu(x, slope),
    "elu": lambda x, alpha: F.elu(x, alpha),
    "prelu": F.prelu,
    "softplus": F.softplus,
    "mish": F.mish,
    "logsigmoid": F.logsigmoid,
    "norm": lambda x, p=2, dim=None, keepdim=False: torch.linalg.vector_norm(x, p, dim, keepdim),
    "index": lambda x, index: x[subscript(index)],
    "assign": assigned,
    "group_norm": lambda x, weight=None, bias=None, groups=1, eps=1e-5: F.group_norm(x, groups, weight, bias, eps),
    "layer_norm": lambda x, weight=None, bias=None, shape=None, eps=1e-5: F.layer_norm(x, shape, weight, bias, eps),
    "rms_norm": lambda x, weight=None, shape=None, eps=None: F.rms_norm(x, shape, weight, eps),
    "instance_norm": lambda x, weight=None, bias=None, eps=1e-5: F.instance_norm(x, None, None, weight, bias, True, 0.1, eps),
    "batch_norm": batch_norm,
    "mse_loss": lambda x, y, **args: F.mse_loss(x, y, **args),
    "l1_loss": lambda x, y, **args: F.l1_loss(x, y, **args),
    "huber_loss": lambda x, y, **args: F.huber_loss(x, y, **args),
    "bce_with_logits": lambda x, y, weight=None, pos_weight=None, **args: F.binary_cross_entropy_with_logits(
        x, y, weight=weight, pos_weight=pos_weight, **args
    ),
    "nll_loss": lambda x, y, weight=None, **args: F.nll_loss(x, y, weight, **args),
    "cross_entropy": lambda x, y, weight=None, **args: F.cross_entropy(x, y, weight, **args),
    "kl_div": lambda x, y, **args: F.kl_div(x, y, **args),
    "pixel_shuffle": pixel(F.pixel_shuffle, None),
    "pixel_unshuffle": pixel(F.pixel_unshuffle, None),
}
# Whose weights are constants.
LOSSES = ["bce_with_logits", "nll_loss", "cross_entropy"]


def tensor_of(spec, dtype=None):
    """The tensor that a written input stands for, floats in `dtype` if that is given; None for what is not finite."""
    kind = DTYPES[spec["dtype"]]
    wide = DTYPES[dtype] if dtype and kind.is_floating_point else kind
    if "seed" in spec:
        return generated(spec["shape"], wide, spec["seed"])
    if any(isinstance(value, str) for value in spec["data"]):
        return None
    return torch.tensor(spec["data"], dtype=wide).reshape(spec["shape"])


class Gradients:
    """Adds cases to a family."""

    def __init__(self, f):
        self.f = f
        self.seed = 1_000_000

    def call(self, op, rank, args, named):
        """The operation's outputs for inputs by name."""
        if op in WINDOWS:
            return WINDOWS[op](rank, args, *named.values())
        call = CALLS.get(op) or getattr(torch, op)
        if all(name.isdigit() for name in named):
            return call(*named.values(), **args)
        ordered = [value for name, value in named.items() if name.isdigit()]
        return call(*ordered, **{name: value for name, value in named.items() if not name.isdigit()}, **args)

    def add(self, name, op, rank, specs, args, outputs=False):
        """A case, unless nothing in it can be differentiated. `outputs`: write the forward too."""
        named = {key: tensor_of(spec, "float64") for key, spec in specs.items()}
        if any(value is None for value in named.values()):
            return
        keys = [key for key, value in named.items() if value.dtype.is_floating_point and not (op in LOSSES and "weight" in key)]
        leaves = [named[key].requires_grad_() for key in keys]
        if not leaves:
            return
        try:
            results = self.call(op, rank, args, named)
        except RuntimeError as error:
            assert "derivative" in str(error) or "not implemented" in str(error), error
            return
        results = [results] if torch.is_tensor(results) else list(results)
        results = [result for result in results if result.requires_grad]
        if not results:
            return
        seed, self.seed = self.seed, self.seed + 200
        cotangents = [generated(y.shape, y.dtype, seed + i).requires_grad_() for i, y in enumerate(results)]
        try:
            first = torch.autograd.grad(results, leaves, cotangents, create_graph=True, allow_unused=True)
        except RuntimeError as error:
            assert "derivative for aten" in str(error), (name, error)
            return
        case = {
            "name": name,
            "op": op,
            "rank": rank,
            "dtype": "float64",
            "inputs": {key: {**spec, "dtype": dtype_name(named[key].dtype)} for key, spec in specs.items()},
            "args": args,
            "seed": seed,
            "leaves": keys,
        }
        if outputs:
            case["outputs"] = [literal(y) for y in results]
        written = lambda names, tensors: {key: literal(t) for key, t in zip(names, tensors) if t is not None}
        case["gradients"] = written(keys, first)
        weighed = sum(
            (g * generated(g.shape, g.dtype, seed + 100 + j)).sum().double() for j, g in enumerate(first) if g is not None
        )
        if torch.is_tensor(weighed) and weighed.requires_grad:
            names = keys + [f"cotangent{i}" for i in range(len(cotangents))]
            try:
                second = torch.autograd.grad(weighed, leaves + cotangents, allow_unused=True)
                # What does not depend on an input is left out.
                case["second"] = written(names, [None if t is None or not t.any() else t for t in second])
            except (RuntimeError, NotImplementedError) as error:
                assert "derivative for aten" in str(error) or "not implemented" in str(error), (name, error)
        else:
            case["second"] = {}
        self.f.lines.append(case)


def gradients(families):
    f = Family("gradients.jsonl", "torch.autograd.grad of the other files' cases in float64, and of the gradients once more")
    g = Gradients(f)
    for family in families:
        for case in family.lines:
            if case.get("dtype") not in ("float32", "float64") or "outputs" not in case:
                continue
            args = {key: value for key, value in case["args"].items() if key != "strict"}
            g.add("grad-" + case["name"], case["op"], case["rank"], case["inputs"], args)
    return f


def extras():
    f = Family("operations.jsonl", "PyTorch's activations, norms, losses and indexing: outputs, gradients and second gradients")
    g = Gradients(f)

    def add(op, *inputs, args=None, **named):
        specs = {str(i): x.spec for i, x in enumerate(inputs)}
        specs.update({key: x.spec for key, x in named.items()})
        number = 1 + sum(line["op"] == op for line in f.lines)
        before = len(f.lines)
        g.add(f"{op}-{number}", op, len(inputs[0].spec["shape"]), specs, args or {}, outputs=True)
        assert len(f.lines) == before + 1, op

    x = lambda *shape: f.gen("float64", *shape)

    def positive(*shape):
        f.seed += 1
        return f.lit(generated(shape, torch.float64, f.seed).abs() + 0.375)

    def refuse(op, *inputs, args=None, **named):
        given = {**{str(i): x for i, x in enumerate(inputs)}, **named}
        text = error_text(lambda: g.call(op, inputs[0].t.dim(), args or {}, {key: x.t for key, x in given.items()}))
        specs = {key: x.spec for key, x in given.items()}
        number = 1 + sum(line["op"] == op for line in f.lines)
        f.line(name=f"{op}-{number}", op=op, inputs=specs, args=args or {}, error=text)

    unary(add, x, positive)
    shapes(add, x, f)
    norms(add, x, positive)
    losses(add, x, positive, f)
    refusals(refuse, x, f)
    return f


def unary(add, x, positive):
    for op in ["expm1", "tan", "atan", "mish", "logsigmoid", "abs", "sin", "cos", "tanh", "sigmoid", "erf", "silu", "relu", "square"]:
        add(op, x(2, 3))
    for op in ["exp", "gelu", "softplus"]:
        add(op, x(7))
    for op in ["log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal"]:
        add(op, positive(5))
    add("gelu", x(6), args={"approximate": "tanh"})
    for slope in [0.01, 0.3, 0]:
        add("leaky_relu", x(7), args={"slope": slope})
    for alpha in [1.0, 0.5, 2.0]:
        add("elu", x(7), args={"alpha": alpha})
    for beta, threshold in [(2, 20), (0.5, 1), (3, 2)]:
        add("softplus", x(8), args={"beta": beta, "threshold": threshold})
    add("prelu", x(2, 3, 2), x(3))
    add("prelu", x(2, 3), x(1))
    add("prelu", x(4), x(1))
    add("prelu", x(2, 4, 1, 2), x(4))
    for low, high in [(-1, 1), (None, 0.5), (-0.25, None)]:
        add("clamp", x(9), args={key: value for key, value in [("min", low), ("max", high)] if value is not None})
    for op in ["add", "sub", "mul", "maximum", "minimum"]:
        add(op, x(2, 1, 3), x(4, 1))
        add(op, x(5), x())
    add("div", x(2, 3), positive(3))
    add("div", positive(3), positive(2, 1))
    add("pow", positive(4), x(2, 1))
    add("pow", positive(3), positive(3))
    add("remainder", x(5), positive(5))
    add("fmod", x(5), positive(5))


def shapes(add, x, f):
    for args in [{}, {"dim": [0]}, {"dim": [1, 2], "keepdim": True}, {"dim": [-1]}]:
        for op in ["sum", "mean", "var", "std", "norm", "amax", "amin"]:
            add(op, x(2, 3, 2), args=args)
    for dim in [0, -1]:
        for op in ["prod", "cumsum", "softmax", "log_softmax"]:
            add(op, x(3, 4), args={"dim": dim})
        add("logsumexp", x(3, 4), args={"dim": [dim]})
    add("logsumexp", x(2, 3, 2), args={"dim": [0, 2], "keepdim": True})
    add("prod", x(2, 3))
    for p in [1, 3, 1.5, 2]:
        add("norm", x(2, 5), args={"p": p, "dim": [1]})
        add("norm", x(6), args={"p": p})
    add("var", x(2, 5), args={"dim": [1], "correction": 0})
    add("var", x(2, 5), args={"dim": [0], "correction": 2})
    for index in [
        [0],
        [-1, [1, 3, None]],
        [[0, 3, 2]],
        ["...", 1],
        [[None, None, None], "new", 2],
        [[1, None, None], "...", [None, None, 2]],
        ["new", "...", "new"],
    ]:
        add("index", x(3, 4, 3), args={"index": index})
    for index, shape in [([1], [4, 3]), ([[0, 2, None], 2], [3]), (["...", [None, None, 2]], [2]), ([[1, 3, None], [0, 2, None]], [2, 1, 3])]:
        add("assign", x(3, 4, 3), x(*shape), args={"index": index})
    for factors, shape in [([2, 2], [1, 4, 2, 3]), ([3], [2, 3, 2]), ([2, 1, 2], [1, 4, 2, 1, 2]), ([2, 3], [6, 1, 2])]:
        add("pixel_shuffle", x(*shape), args={"factors": factors})
        grown = shape[: -len(factors)] + [n * k for n, k in zip(shape[-len(factors) :], factors)]
        add("pixel_unshuffle", x(*grown), args={"factors": factors})
    for equation, *sizes in [
        ("ij,jk->ik", [2, 3], [3, 2]),
        ("ii->i", [3, 3]),
        ("bhdn,bhen->bhde", [1, 2, 2, 3], [1, 2, 2, 3]),
        ("...ij,jk->...k", [2, 2, 3], [3, 2]),
        ("i,ij,j->", [2], [2, 3], [3]),
    ]:
        add("einsum", *[x(*size) for size in sizes], args={"equation": equation})
    for a, b in [([2, 3], [3, 2]), ([2, 1, 2, 3], [3, 3, 2]), ([3], [2, 3, 2]), ([2, 2, 3], [3]), ([3], [3])]:
        add("matmul", x(*a), x(*b))
    index = f.lit([[0, 2, 0], [1, 1, 2]], "int64")
    add("gather", x(3, 3), index, args={"dim": 0})
    add("index_select", x(3, 4), f.lit([3, 0, 3], "int64"), args={"dim": 1})
    add("scatter_add", x(3, 3), index, x(2, 3), args={"dim": 0})
    add("sort", x(3, 5), args={"dim": 1})
    add("sort", x(3, 5), args={"dim": 0, "descending": True})
    add("topk", x(3, 5), args={"k": 2, "dim": 1})
    add("where", f.lit([[True, False, True]], "bool"), x(2, 1), x(3))
    add("as_strided", x(9), args={"size": [3, 3], "stride": [2, 1], "storage_offset": 1})
    add("cat", x(2, 1), x(2, 3), args={"dim": 1})


def norms(add, x, positive):
    for shape, groups in [([2, 4, 3], 2), ([1, 6, 2, 2], 3), ([2, 2, 5], 1), ([3, 4], 2), ([2, 3, 2, 1, 2], 3)]:
        channels = shape[1]
        add("group_norm", x(*shape), weight=x(channels), bias=x(channels), args={"groups": groups})
        add("group_norm", x(*shape), args={"groups": groups, "eps": 0.1})
    for shape, size in [([2, 5], 1), ([2, 3, 4], 2), ([4], 1), ([2, 2, 3], 1)]:
        last = shape[-size:]
        add("layer_norm", x(*shape), weight=x(*last), bias=x(*last), args={"shape": last})
        add("layer_norm", x(*shape), args={"shape": last, "eps": 0.01})
        add("rms_norm", x(*shape), weight=x(*last), args={"shape": last})
        add("rms_norm", x(*shape), args={"shape": last, "eps": 0.1})
    for shape in [[2, 3, 4], [1, 2, 3, 2], [2, 2, 2, 1, 2]]:
        add("instance_norm", x(*shape), weight=x(shape[1]), bias=x(shape[1]))
        add("instance_norm", x(*shape), args={"eps": 0.01})
    for shape in [[4, 3], [2, 3, 4], [3, 2, 2, 2], [2, 2, 2, 1, 2]]:
        c = shape[1]
        add("batch_norm", x(*shape), weight=x(c), bias=x(c))
        add("batch_norm", x(*shape), args={"eps": 0.01})


def losses(add, x, positive, f):
    for reduction in ["mean", "sum", "none"]:
        args = {"reduction": reduction}
        for op in ["mse_loss", "l1_loss", "huber_loss"]:
            add(op, x(3, 4), x(3, 4), args=args)
        add("huber_loss", x(3, 4), x(3, 4), args={**args, "delta": 0.75})
        half = lambda *shape: f.lit((generated(shape, torch.float64, 900 + len(shape)) + 2) / 4)
        add("bce_with_logits", x(3, 4), half(3, 4), args=args)
        add("bce_with_logits", x(3, 4), half(3, 4), weight=positive(4), pos_weight=positive(4), args=args)
        classes = lambda *values: f.lit(list(values), "int64")
        add("nll_loss", x(3, 4), classes(1, 0, 3), args=args)
        add("nll_loss", x(3, 4), classes(1, -100, 3), weight=positive(4), args=args)
        add("nll_loss", x(2, 3, 2), f.lit([[0, 2], [1, 1]], "int64"), args={**args, "ignore_index": 1})
        add("cross_entropy", x(3, 4), classes(1, 0, 3), args=args)
        add("cross_entropy", x(3, 4), classes(-100, 2, 3), weight=positive(4), args={**args, "label_smoothing": 0.2})
        add("cross_entropy", x(4), f.lit(2, "int64"), args=args)
        add("cross_entropy", x(2, 3, 2), f.lit([[0, 2], [1, 1]], "int64"), args={**args, "label_smoothing": 0.1, "ignore_index": 2})
        add("cross_entropy", x(2, 3), half(2, 3), weight=positive(3), args={**args, "label_smoothing": 0.3})
        add("cross_entropy", x(2, 3, 2), positive(2, 3, 2), args=args)
        add("kl_div", x(3, 4), positive(3, 4), args=args)
        add("kl_div", x(3, 4), x(3, 4), args={**args, "log_target": True})
    add("kl_div", x(3, 4), positive(3, 4), args={"reduction": "batchmean"})


def refusals(refuse, x, f):
    classes = lambda *values: f.lit(list(values), "int64")
    for op in ["nll_loss", "cross_entropy"]:
        args = {"reduction": "mean"}
        refuse(op, x(3, 4), classes(1, 0), args=args)
        refuse(op, x(2, 3), classes(1, 5), args=args)
        refuse(op, x(2, 3), classes(-2, 1), args=args)
        refuse(op, x(2, 4), classes(0, 1), weight=x(3), args=args)
        refuse(op, x(2, 3, 5), f.lit([[0, 1, 2], [2, 1, 0]], "int64"), args=args)
    refuse("cross_entropy", x(2, 3), classes(0, 1), args={"reduction": "mean", "label_smoothing": 1.5})
    refuse("bce_with_logits", x(3, 4), x(3, 2), args={"reduction": "sum"})
    refuse("huber_loss", x(3), x(3), args={"reduction": "mean", "delta": -2})
    for op in ["mse_loss", "l1_loss", "huber_loss"]:
        refuse(op, x(3, 4), x(3, 2), args={"reduction": "mean"})
    refuse("group_norm", x(2, 5, 3), args={"groups": 2})
    refuse("group_norm", x(2, 4, 3), weight=x(3), bias=x(3), args={"groups": 2})
    refuse("layer_norm", x(2, 5), args={"shape": [4]})
    refuse("layer_norm", x(2, 5), weight=x(3), args={"shape": [5]})
    refuse("rms_norm", x(2, 5), args={"shape": [2, 4]})
    refuse("rms_norm", x(2, 5), weight=x(4), args={"shape": [5]})
    refuse("batch_norm", x(2, 3, 4), weight=x(4), bias=x(4))
    refuse("batch_norm", x(1, 3))
    refuse("instance_norm", x(2, 3, 1))
    refuse("pixel_shuffle", x(1, 6, 2, 2), args={"factors": [2, 2]})
    refuse("pixel_unshuffle", x(1, 6, 3, 2), args={"factors": [2, 2]})
