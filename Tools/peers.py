#!/usr/bin/env python3
"""Times Volute, PyTorch and ONNX Runtime in turn on the same convolutions and writes Benchmarks/RESULTS.md.

    python3 Tools/peers.py                    the table
    python3 Tools/peers.py --only 'k=50|k=10' rows whose name matches
    python3 Tools/peers.py --variations 200   and seeded variations of its rows

Needs a release build of the command (`swift build -c release`), torch, numpy and onnxruntime with onnx. All three
run with the same number of threads, warmed up, one after the other within each round; figures are medians over the
rounds. Volute and PyTorch get fresh weight values in each call. PyTorch runs in inference mode, contiguous and
channels-last, and the better counts; ONNX Runtime gets its weight as an initialiser, prepared before it is timed.

What comes out less than a tenth above the ratio that is wanted, or of a variation above 1, is measured once more in
three times as many rounds (one where PyTorch takes over 3 s), and these count: a burst of somebody else's work lasts
longer than a round or two.
"""
import argparse, json, math, os, platform, random, re, statistics, subprocess, sys, tempfile, time
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

try:
    import onnx
    import onnxruntime
    from onnx import helper, numpy_helper, TensorProto
except ImportError:
    onnxruntime = None

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VOLUTE = os.path.join(ROOT, ".build/release/volute")


@dataclass
class Case:
    name: str
    x: tuple
    w: tuple
    ratio: float
    stride: tuple = 1
    padding: tuple = 0
    dilation: tuple = 1
    groups: int = 1
    transposed: bool = False
    direction: str = "forward"
    dtype: str = "float32"
    circular: bool = False
    large: bool = False

    @property
    def rank(self):
        return len(self.x) - 2

    def per_axis(self, value):
        return tuple(value) if isinstance(value, (tuple, list)) else (value,) * self.rank

    def output(self):
        s, p, d = map(self.per_axis, (self.stride, self.padding, self.dilation))
        sizes = []
        for n, k, s, p, d in zip(self.x[2:], self.w[2:], s, p, d):
            sizes.append((n - 1) * s - 2 * p + d * (k - 1) + 1 if self.transposed
                         else (n + 2 * p - d * (k - 1) - 1) // s + 1)
        return (self.x[0], self.w[1] * self.groups if self.transposed else self.w[0], *sizes)


V = (2, 128, 8, 256, 256)
CYL = (128, 16, 5, 12, 30)
CUBE = (1, 7, 100, 100, 100)
CASES = [
    Case("(1,7,100³) k=50 → 1", CUBE, (1, 7, 50, 50, 50), 400, large=True),
    Case("(1,7,100³) k=13 s=3 → 1", CUBE, (1, 7, 13, 13, 13), 5, stride=3),
    Case("(1,7,100³) k=10 → 1", CUBE, (1, 7, 10, 10, 10), 20),
    Case("(1,7,100³) k=10 s=10 → 1", CUBE, (1, 7, 10, 10, 10), 1.2, stride=10),
    Case("(1,7,100³) k=1 → 1", CUBE, (1, 7, 1, 1, 1), 1.0),
    Case("(1,1,100³) k=1 → 12", (1, 1, 100, 100, 100), (12, 1, 1, 1, 1), 1.0),
    Case("(2,3,8,256²) k=3 → 3", (2, 3, 8, 256, 256), (3, 3, 3, 3, 3), 3),
    Case("(2,128,8,256²) k=3 s=(2,1,1) → 128", V, (128, 128, 3, 3, 3), 1.3, stride=(2, 1, 1), large=True),
    Case("(2,128,8,256²) k=3 s=(1,2,2) p=1 → 128", V, (128, 128, 3, 3, 3), 1.2, stride=(1, 2, 2), padding=1, large=True),
    Case("(2,128,8,256²) k=1 → 256", V, (256, 128, 1, 1, 1), 1.4, large=True),
    Case("(2,128,8,256²) k=3 → 256", V, (256, 128, 3, 3, 3), 1.8, large=True),
    Case("(128,16,5,12,30) k=3 p=(1,0,1) → 16", CYL, (16, 16, 3, 3, 3), 1.3, padding=(1, 0, 1)),
    Case("(128,16,5,12,30) k=(3,4,4) s=2 → 16", CYL, (16, 16, 3, 4, 4), 1.2, stride=2),
    Case("(1,32,64³) k=3 p=1 → 32", (1, 32, 64, 64, 64), (32, 32, 3, 3, 3), 1.8, padding=1),
    Case("(1,32,64³) k=3 d=2 p=2 → 32", (1, 32, 64, 64, 64), (32, 32, 3, 3, 3), 1.3, padding=2, dilation=2),
    Case("(1,64,32³) k=3 p=1 → 64", (1, 64, 32, 32, 32), (64, 64, 3, 3, 3), 1.5, padding=1),
    Case("(1,32,64³) k=7 p=3 depthwise", (1, 32, 64, 64, 64), (32, 1, 7, 7, 7), 3, padding=3, groups=32),
    Case("(8,64,56²) k=3 p=1 → 64", (8, 64, 56, 56), (64, 64, 3, 3), 1.2, padding=1),
    Case("(8,3,224²) k=7 s=2 p=3 → 64", (8, 3, 224, 224), (64, 3, 7, 7), 1.3, stride=2, padding=3),
    Case("(1,96,56²) depthwise k=7", (1, 96, 56, 56), (96, 1, 7, 7), 1.2, padding=3, groups=96),
    Case("(1,96,56²) depthwise k=31", (1, 96, 56, 56), (96, 1, 31, 31), 3, padding=15, groups=96),
    Case("(4,64,16000) k=9 p=4 → 64", (4, 64, 16000), (64, 64, 9), 1.3, padding=4),
    Case("(1,1,10⁶) k=1001 → 1", (1, 1, 1000000), (1, 1, 1001), 20),
    Case("float64 (1,7,100³) k=10 → 1", CUBE, (1, 7, 10, 10, 10), 20, dtype="float64", large=True),
    Case("float64 (1,32,64³) k=3 p=1 → 32", (1, 32, 64, 64, 64), (32, 32, 3, 3, 3), 2, padding=1, dtype="float64"),
    Case("transposed (1,32,32³) k=4 s=2 p=1 → 32", (1, 32, 32, 32, 32), (32, 32, 4, 4, 4), 1.5, stride=2, padding=1, transposed=True),
    Case("transposed (2,64,3,5,15) k=(3,4,4) s=2 → 64", (2, 64, 3, 5, 15), (64, 64, 3, 4, 4), 1.2, stride=2, transposed=True),
    Case("input gradient (1,32,64³) k=3 p=1", (1, 32, 64, 64, 64), (32, 32, 3, 3, 3), 1.3, padding=1, direction="input-gradient"),
    Case("weight gradient (1,32,64³) k=3 p=1", (1, 32, 64, 64, 64), (32, 32, 3, 3, 3), 1.3, padding=1, direction="weight-gradient"),
    Case("input gradient (128,16,5,10,30) k=3 p=1", (128, 16, 5, 10, 30), (16, 16, 3, 3, 3), 1.3, padding=1, direction="input-gradient"),
    Case("weight gradient (128,16,5,10,30) k=3 p=1", (128, 16, 5, 10, 30), (16, 16, 3, 3, 3), 1.3, padding=1, direction="weight-gradient"),
    Case("circular (128,16,5,10,30) k=3 p=1 → 16", (128, 16, 5, 10, 30), (16, 16, 3, 3, 3), 1.8, padding=1, circular=True),
]


@dataclass
class Operation:
    """What is not a convolution: the command's words, PyTorch's function, ONNX's node."""
    name: str
    x: tuple
    ratio: float
    words: list
    torch: callable
    node: tuple
    large: bool = False


OPERATIONS = [
    Operation("max pool (2,3,8,256²) k=3", (2, 3, 8, 256, 256), 1.5, ["max-pool3d", "--kernel-size", "3"],
              lambda x: F.max_pool3d(x, 3), ("MaxPool", dict(kernel_shape=[3] * 3, strides=[3] * 3))),
    Operation("average pool (2,3,8,256²) k=3", (2, 3, 8, 256, 256), 1.5, ["avg-pool3d", "--kernel-size", "3"],
              lambda x: F.avg_pool3d(x, 3), ("AveragePool", dict(kernel_shape=[3] * 3, strides=[3] * 3))),
    Operation("trilinear ×2 of (1,32,32³)", (1, 32, 32, 32, 32), 1.5,
              ["interpolate", "--scale-factor", "2", "--mode", "trilinear"],
              lambda x: F.interpolate(x, scale_factor=2, mode="trilinear"),
              ("Resize", dict(mode="linear", coordinate_transformation_mode="half_pixel"))),
]


def warmed(call):
    """Calls for a tenth of a second, as `volute bench` does before it times; the last one's time."""
    start = time.perf_counter()
    while True:
        last = call()
        if time.perf_counter() - start > 0.1:
            return last


def median(call, repeats):
    """The median of some calls; what is over soon is warm before."""
    if repeats > 1:
        warmed(call)
    return statistics.median(call() for _ in range(repeats))


def timed(function):
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * 1e3


class Volute:
    def __init__(self, case, threads):
        def text(value):
            return ",".join(map(str, case.per_axis(value)))

        self.command = [
            VOLUTE, "bench", f"conv{'-transpose' if case.transposed else ''}{case.rank}d",
            "--input-shape", ",".join(map(str, case.x)), "--weight-shape", ",".join(map(str, case.w)),
            "--stride", text(case.stride), "--padding", text(case.padding), "--dilation", text(case.dilation),
            "--groups", str(case.groups), "--dtype", case.dtype, "--direction", case.direction,
            "--threads", str(threads), "--json"]
        if case.circular:
            self.command += ["--padding-mode", "circular"]

    def run(self, repeat):
        out = subprocess.run(self.command + ["--repeat", str(repeat)], capture_output=True, text=True)
        if out.returncode:
            raise RuntimeError(out.stderr)
        return json.loads(out.stdout)


class PyTorch:
    """The better of two memory formats, each with fresh weight values."""

    def __init__(self, case):
        dtype = getattr(torch, case.dtype)
        self.case = case
        self.x = torch.randn(case.x, dtype=dtype)
        self.w = torch.randn(case.w, dtype=dtype)
        self.y = torch.randn(case.output(), dtype=dtype) if case.direction != "forward" else None
        s, p, d = (case.per_axis(v) for v in (case.stride, case.padding, case.dilation))
        name = f"conv{'_transpose' if case.transposed else ''}{case.rank}d"
        keywords = dict(stride=s, padding=p, dilation=d, groups=case.groups)
        if case.direction != "forward":
            mask = (case.direction == "input-gradient", case.direction == "weight-gradient", False)
            self.call = lambda x, w, y: torch.ops.aten.convolution_backward(
                y, x, w, None, s, p, d, case.transposed, (0,) * case.rank, case.groups, mask)
        elif case.circular:
            sides = [v for v in reversed(p) for _ in (0, 1)]
            keywords["padding"] = 0
            self.call = lambda x, w, y: getattr(F, name)(F.pad(x, sides, mode="circular"), w, **keywords)
        else:
            self.call = lambda x, w, y: getattr(F, name)(x, w, **keywords)
        self.formats = [torch.contiguous_format]
        last = {2: torch.channels_last, 3: torch.channels_last_3d}.get(case.rank)
        if last:
            self.formats.append(last)

    def time(self):
        best = math.inf
        with torch.inference_mode():
            for layout in self.formats:
                x = self.x.contiguous(memory_format=layout)
                w = (self.w + 0.001).contiguous(memory_format=layout)
                y = None if self.y is None else self.y.contiguous(memory_format=layout)
                best = min(best, timed(lambda: self.call(x, w, y)))
        return best


class OnnxRuntime:
    def __init__(self, case, threads):
        kind = TensorProto.FLOAT if case.dtype == "float32" else TensorProto.DOUBLE
        s, p, d = (case.per_axis(v) for v in (case.stride, case.padding, case.dilation))
        weight = np.random.randn(*case.w).astype(case.dtype)
        node = helper.make_node(
            "ConvTranspose" if case.transposed else "Conv", ["x", "w"], ["y"], kernel_shape=list(case.w[2:]),
            strides=list(s), pads=list(p) * 2, dilations=list(d), group=case.groups)
        graph = helper.make_graph(
            [node], "g", [helper.make_tensor_value_info("x", kind, case.x)],
            [helper.make_tensor_value_info("y", kind, None)], [numpy_helper.from_array(weight, "w")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        self.x = np.random.randn(*case.x).astype(case.dtype)

    def time(self):
        return timed(lambda: self.session.run(None, {"x": self.x}))


def judged(case, wanted, rounds, measure):
    """The row of a case, measured again where it is close; and its ratio."""
    ratio, text = line(case, measure(rounds))
    if ratio < 1.1 * wanted:
        first = ratio
        ratio, text = line(case, measure(3 * rounds))
        text = f"{text.rstrip(' |')}, again: {first:.2f} at first |"
    return ratio, text


def measure(case, threads, rounds):
    """Medians in milliseconds: Volute's report, PyTorch, ONNX Runtime (None where it cannot)."""
    volute = Volute(case, threads)
    torch_peer = PyTorch(case)
    onnx_peer = None
    if onnxruntime and case.direction == "forward" and not case.circular:
        try:
            onnx_peer = OnnxRuntime(case, threads)
            warmed(onnx_peer.time)
        except Exception as error:
            print(f"  ONNX Runtime declines: {str(error).splitlines()[0][:90]}", file=sys.stderr)
            onnx_peer = None
    try:
        warm = warmed(torch_peer.time)
    except RuntimeError as error:
        print(f"  PyTorch cannot: {str(error).splitlines()[0]}", file=sys.stderr)
        warm = None
    slow = warm is None or warm > 3000
    count = 1 if slow else rounds
    # What is over soon is timed more often, by all: a system may keep a thread for some milliseconds.
    repeats = 1 if slow or warm >= 300 else 5 if warm >= 60 else max(15, min(200, int(50 / warm)))
    reports, ours, theirs, onnx_times = None, [], [warm] if warm and slow else [], []
    for _ in range(count):
        # The peers' threads go on looking for work for a while; they must not take a processor from the next in turn.
        time.sleep(0.5)
        reports = volute.run(max(repeats, 5))
        ours.append(reports["median_ms"])
        if not slow:
            theirs.append(median(torch_peer.time, repeats))
        if onnx_peer:
            onnx_times.append(median(onnx_peer.time, repeats))
    return reports, statistics.median(ours), statistics.median(theirs) if theirs else None, \
        statistics.median(onnx_times) if onnx_times else None


def measure_operation(case, threads, rounds):
    """The same for what is not a convolution."""
    x = np.random.default_rng(1).standard_normal(case.x).astype(np.float32)
    kind, attributes = case.node
    scales = [1, 1] + [2] * (len(case.x) - 2)
    session = None
    if onnxruntime:
        more = ["", "scales"] if kind == "Resize" else []
        graph = helper.make_graph(
            [helper.make_node(kind, ["x", *more], ["y"], **attributes)], "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, case.x)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.array(scales, np.float32), "scales")] if more else [])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    tensor = torch.from_numpy(x)
    layouts = [tensor, tensor.contiguous(memory_format=torch.channels_last_3d)]
    ours, theirs, onnx_times = [], [], []
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        path = os.path.join(folder, "x.npy")
        np.save(path, x)
        for _ in range(rounds):
            time.sleep(0.5)
            out = subprocess.run([VOLUTE, "apply", *case.words, "--input", path, "--repeat", "15"], check=True,
                                 capture_output=True, text=True, env={**os.environ, "VOLUTE_NUM_THREADS": str(threads)})
            value, unit = re.search(r"time +([0-9.]+) (µs|us|ms|s)", out.stdout).groups()
            ours.append(float(value) * {"µs": 1e-3, "us": 1e-3, "ms": 1, "s": 1e3}[unit])
            theirs.append(min(median(lambda: timed(lambda: case.torch(layout)), 15) for layout in layouts))
            if session:
                onnx_times.append(median(lambda: timed(lambda: session.run(None, {"x": x})), 15))
    report = {"gflops": math.nan, "algorithm": "-"}
    return report, statistics.median(ours), statistics.median(theirs), statistics.median(onnx_times) if session else None


def variation(case, generator):
    """The same kind of convolution, sizes changed by tens of percent, odd sizes, batch 1."""
    def size(n, least):
        return max(least, int(n * generator.uniform(0.6, 1.3)) | generator.choice([0, 1]))

    d = case.per_axis(case.dilation)
    x = (1 if case.x[0] < 16 else case.x[0] // 4, case.x[1],
         *(size(n, k * dd) for n, k, dd in zip(case.x[2:], case.w[2:], d)))
    return replace(case, name=f"{case.name} as {x}", x=x)


def machine():
    name = platform.processor()
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                name = line.split(":")[1].strip()
                break
    except OSError:
        pass
    a = np.ones(16 << 20, np.float32)
    b = np.empty_like(a)
    np.copyto(b, a)
    rate = max(2 * a.nbytes / (timed(lambda: np.copyto(b, a)) * 1e-3) / 1e9 for _ in range(5))
    return f"{name}, {os.cpu_count()} processors; one thread copies {rate:.0f} GB/s, read and written both counted"


def line(case, result):
    report, ours, theirs, onnx_time = result
    peers = [v for v in (theirs, onnx_time) if v is not None]
    ratio = min(peers) / ours if peers else math.inf
    shown = [f"{v:.2f}" if v else "-" for v in (theirs, onnx_time)]
    return ratio, (f"| {case.name} | {case.ratio:g} | {f'**{ratio:.2f}**' if peers else '-'} | {ours:.2f} "
                   f"| {shown[0]} | {shown[1]} "
                   f"| {'-' if math.isnan(report['gflops']) else format(report['gflops'], '.0f')} "
                   f"| {report['algorithm']} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--skip-large", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variations", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default=os.path.join(ROOT, "Benchmarks/RESULTS.md"))
    options = parser.parse_args()
    if not os.path.exists(VOLUTE):
        sys.exit(f"peers.py: {VOLUTE} is missing; run 'swift build -c release' first")
    torch.set_num_threads(options.threads)
    cases = [c for c in CASES if re.search(options.only, c.name) and not (options.skip_large and c.large)]
    head = ["case", "wanted", "ratio", "Volute ms", "PyTorch ms", "ONNX Runtime ms", "GF/s", "algorithm"]
    table = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for case in cases:
        _, text = judged(case, case.ratio, options.rounds, lambda rounds: measure(case, options.threads, rounds))
        table.append(text)
        print(text, flush=True)
    for case in OPERATIONS:
        if re.search(options.only, case.name):
            _, text = judged(
                case, case.ratio, options.rounds, lambda rounds: measure_operation(case, options.threads, rounds))
            table.append(text)
            print(text, flush=True)
    lines = [
        "# Volute beside PyTorch and ONNX Runtime", "",
        "Written by `Tools/peers.py`; what is timed, and how, is said there. Ratio: the better peer's median time over "
        "Volute's. A peer without a time cannot compute the case, or has not the memory for it; gradients and circular "
        "padding are compared with PyTorch alone.", "", f"- {machine()}", f"- {options.threads} threads, float32 unless said otherwise; rounds: {options.rounds}, and one where PyTorch takes over 3 s",
        f"- PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__ if onnxruntime else 'absent'}, "
        f"numpy {np.__version__}, Python {platform.python_version()}", "", *table, ""]

    def write():
        with open(options.output, "w") as file:
            file.write("\n".join(lines))

    # The table stays if the variations are interrupted.
    write()
    if options.variations:
        generator = random.Random(options.seed)
        small = [c for c in cases if not c.large]
        results = []
        for index in range(options.variations):
            case = variation(small[index % len(small)], generator)
            try:
                results.append(
                    judged(case, 1, options.rounds, lambda rounds: measure(case, options.threads, rounds)))
            except (RuntimeError, ValueError) as error:
                print(f"  {case.name}: {error}", file=sys.stderr)
        results.sort()
        below = sum(ratio < 1 for ratio, _ in results)
        lines += [f"## {len(results)} variations, seed {options.seed}", "",
                  f"{below} below 1; the ten with the lowest ratio:", "", *table[:2], *(t for _, t in results[:10]), ""]
        print(*(text for ratio, text in results if ratio < 1), sep="\n")
        write()


if __name__ == "__main__":
    main()
