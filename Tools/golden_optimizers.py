"""Golden cases: ten steps of the optimisers, the rates of the schedules, and initial values."""

import torch

from golden_core import Family, generated, literal

STEPS = 10
SHAPES = [[2, 3], [4]]
MODELS = {
    "SGD": torch.optim.SGD,
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
    "RMSprop": torch.optim.RMSprop,
    "Adagrad": torch.optim.Adagrad,
}


def parameters(seed):
    return [torch.nn.Parameter(generated(shape, torch.float64, seed + i)) for i, shape in enumerate(SHAPES)]


def give_gradients(values, seed, step):
    """The gradients of a step: generated(shape, seed + 10 * step + place)."""
    for place, value in enumerate(values):
        value.grad = generated(list(value.shape), torch.float64, seed + 10 * step + place)


def optimizers():
    f = Family("optimizers.jsonl", "ten steps of torch.optim in float64; schedules of torch.optim.lr_scheduler; torch.nn.init")
    seed = 2_000_000

    def steps(op, groups=None, **args):
        """The parameters after each step, and what is remembered after the last. `groups`: settings of each parameter's own."""
        nonlocal seed
        seed += 1000
        values = parameters(seed)
        given = [{"params": [value], **own} for value, own in zip(values, groups)] if groups else values
        optimizer = MODELS[op](given, foreach=False, **args)
        after = []
        for step in range(1, STEPS + 1):
            give_gradients(values, seed, step)
            optimizer.step()
            after.append([literal(value) for value in values])
        state = {
            f"state.{i}.{key}": literal(slot)
            for i, value in enumerate(values)
            for key, slot in optimizer.state[value].items()
            if torch.is_tensor(slot) and key != "step"
        }
        number = 1 + sum(line["op"] == op for line in f.lines)
        shown = {key: list(value) if isinstance(value, tuple) else value for key, value in args.items()}
        extra = {"groups": groups} if groups else {}
        f.line(name=f"{op}-{number}", op=op, seed=seed, shapes=SHAPES, args=shown, **extra, steps=after, state=state)

    for args in [
        {},
        {"lr": 0.1, "weight_decay": 0.05},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
        {"lr": 0.05, "momentum": 0.8, "nesterov": True},
        {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
        {"lr": 0.1, "momentum": 0.5, "dampening": 0.5, "weight_decay": 0.01},
    ]:
        steps("SGD", **args)
    for args in [{}, {"lr": 0.1, "betas": (0.8, 0.9)}, {"lr": 0.02, "weight_decay": 0.1, "eps": 1e-4}, {"lr": 0.1, "amsgrad": True}]:
        steps("Adam", **args)
        steps("AdamW", **args)
    steps("Adam", lr=0.1, betas=(0.0, 0.5))
    for args in [
        {},
        {"lr": 0.05, "alpha": 0.9, "eps": 1e-3},
        {"momentum": 0.9},
        {"centered": True},
        {"momentum": 0.7, "centered": True, "weight_decay": 0.1},
    ]:
        steps("RMSprop", **args)
    for args in [{}, {"lr": 0.1, "lr_decay": 0.2}, {"weight_decay": 0.1, "initial_accumulator_value": 0.5}, {"lr": 0.3, "eps": 1e-3}]:
        steps("Adagrad", **args)
    own = [{"lr": 0.1, "weight_decay": 0.2}, {"lr": 0.01}]
    steps("SGD", groups=own, momentum=0.9)
    steps("Adam", groups=own)
    steps("AdamW", groups=[{"lr": 0.1, "weight_decay": 0.2}, {"lr": 0.01, "weight_decay": 0.0}])
    schedules(f)
    initializers(f)
    return f


def schedules(f):
    """Rates (and momenta) at each step from 0 on, of two groups with rates of their own."""
    torch_schedules = torch.optim.lr_scheduler

    def run(op, count, make, args, momentum=0.0, rates=(0.1, 0.02), betas=False):
        values = parameters(1)
        groups = [{"params": [value], "lr": rate} for value, rate in zip(values, rates)]
        optimizer = torch.optim.Adam(groups) if betas else torch.optim.SGD(groups, momentum=momentum)
        schedule = make(optimizer, **args)
        lrs, momenta = [], []
        for _ in range(count):
            lrs.append([group["lr"] for group in optimizer.param_groups])
            group = optimizer.param_groups[0]
            momenta.append(group["betas"][0] if betas else group["momentum"])
            optimizer.step()
            schedule.step()
        number = 1 + sum(line["op"] == op for line in f.lines)
        f.line(
            name=f"{op}-{number}", op=op, args=args, initial=list(rates), optimizer="Adam" if betas else "SGD", momentum=momentum, rates=lrs, momenta=momenta
        )

    for args in [{"step_size": 3}, {"step_size": 1, "gamma": 0.9}, {"step_size": 4, "gamma": 0.5}]:
        run("StepLR", 12, torch_schedules.StepLR, args)
    for args in [{"T_max": 10}, {"T_max": 7, "eta_min": 0.005}, {"T_max": 20, "eta_min": 0.001}]:
        run("CosineAnnealingLR", 20, torch_schedules.CosineAnnealingLR, args)
    for args in [
        {"max_lr": 0.5, "total_steps": 20},
        {"max_lr": 0.1, "total_steps": 10, "pct_start": 0.5, "div_factor": 10, "final_div_factor": 100},
        {"max_lr": 0.2, "total_steps": 13, "base_momentum": 0.7, "max_momentum": 0.9},
        {"max_lr": 0.2, "total_steps": 9, "cycle_momentum": False},
    ]:
        total = args["total_steps"]
        run("OneCycleLR", total, torch_schedules.OneCycleLR, args, momentum=0.9)
        run("OneCycleLR", total, torch_schedules.OneCycleLR, args, betas=True)
    for args in [{"start_factor": 0.25, "total_iters": 4}, {"start_factor": 0.1, "total_iters": 10}, {"start_factor": 1.0, "total_iters": 3}]:
        run("LinearLR", 14, torch_schedules.LinearLR, args)

    def plateau(measures, args):
        values = parameters(1)
        optimizer = torch.optim.SGD([{"params": [values[0]], "lr": 0.1}, {"params": [values[1]], "lr": 0.02}])
        schedule = torch_schedules.ReduceLROnPlateau(optimizer, **args)
        lrs = []
        for measure in measures:
            schedule.step(measure)
            lrs.append([group["lr"] for group in optimizer.param_groups])
        number = 1 + sum(line["op"] == "ReduceLROnPlateau" for line in f.lines)
        f.line(name=f"ReduceLROnPlateau-{number}", op="ReduceLROnPlateau", args=args, initial=[0.1, 0.02], measures=measures, rates=lrs)

    falling = [1.0, 0.9, 0.9, 0.9, 0.8999, 0.95, 0.91, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.4999, 0.7, 0.7, 0.7]
    for args in [
        {"patience": 2},
        {"patience": 0, "factor": 0.5},
        {"patience": 1, "cooldown": 2, "factor": 0.3},
        {"patience": 1, "threshold": 0.05, "factor": 0.5, "min_lr": 0.01},
        {"patience": 0, "factor": 0.001, "min_lr": 1e-9},
        {"patience": 1, "mode": "max", "factor": 0.5},
    ]:
        plateau(falling, args)
        plateau([-value for value in falling], args)


def initializers(f):
    """torch.nn.init after torch.manual_seed; from 16 normals on the last bits depend on the machine."""
    init = torch.nn.init

    def draw(op, shape, **args):
        torch.manual_seed(11)
        value = getattr(init, op)(torch.empty(shape), **args)
        normal = op.endswith("normal_")
        number = 1 + sum(line["op"] == op for line in f.lines)
        extra = {"tolerance": 2e-6} if normal else {"tolerance": 0}
        f.line(name=f"{op}-{number}", op=op, seed=11, shape=shape, args=args, outputs=[literal(value)], **extra)

    for shape in [[3, 4], [4, 2, 3], [2, 3, 2, 2]]:
        for op in ["kaiming_uniform_", "kaiming_normal_"]:
            draw(op, shape)
            draw(op, shape, mode="fan_out", nonlinearity="relu")
            draw(op, shape, a=0.3, nonlinearity="leaky_relu")
            draw(op, shape, nonlinearity="tanh")
        for op in ["xavier_uniform_", "xavier_normal_"]:
            draw(op, shape)
            draw(op, shape, gain=init.calculate_gain("relu"))
            draw(op, shape, gain=init.calculate_gain("selu"))
