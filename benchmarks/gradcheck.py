"""How many planted mistakes three gradient checkers find, and how often they blame what is right.

Run `python -m benchmarks.gradcheck [--json] [--seeds N]`. The checkers are ours, the recipe of the CS231n notes
(central difference, h = 1e-5, the largest relative error with 1e-8 in the denominator, wrong from 1e-6 on) and
torch.autograd.gradcheck, where torch is installed.
"""

import argparse
import importlib.util
import json
import time
import warnings

import numpy as np

from nnscratch.gradcheck import check_pair, numerical_gradient
from tests.gradcheck import planted, planted_held_out

COLUMNS = ("detected", "false alarms", "kind first", "kind in two", "seconds")


def ours(case, inputs):
    report = check_pair(case.forward, case.backward, inputs, wrt=case.wrt, rng=1, **case.options)
    return report.ok, [finding.kind for finding in report.findings]


def wanted(case, inputs):
    floats = [i for i, v in enumerate(inputs) if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
    return floats if case.wrt is None else list(case.wrt)


def in_double(value):
    return np.array(value, np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def cs231n(case, inputs):
    """As in the notes of the course: one difference for each element, one number for each gradient."""
    inputs = [in_double(value) for value in inputs]
    out, cache = case.forward(*inputs, **case.options)
    dout = np.random.default_rng(1).normal(size=np.shape(out))
    gradients = case.backward(dout, cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    for i, analytic in zip(wanted(case, inputs), gradients, strict=True):

        def f(x, i=i):
            return case.forward(*inputs[:i], x, *inputs[i + 1 :], **case.options)[0]

        numeric = numerical_gradient(f, inputs[i], dout)
        error = np.abs(analytic - numeric) / np.maximum(1e-8, np.abs(analytic) + np.abs(numeric))
        if not np.max(error, initial=0.0) < 1e-6:
            return False, []
    return True, []


def torch_gradcheck(case, inputs):
    import torch

    torch.set_num_threads(1)
    given = [in_double(value) for value in inputs]
    places = wanted(case, given)

    class Pair(torch.autograd.Function):
        @staticmethod
        def forward(context, *tensors):
            arrays = list(given)
            for i, tensor in zip(places, tensors):
                arrays[i] = tensor.detach().numpy().copy()
            out, context.kept = case.forward(*arrays, **case.options)
            return torch.from_numpy(np.array(out, np.float64))

        @staticmethod
        def backward(context, dout):
            gradients = case.backward(dout.numpy().copy(), context.kept)
            gradients = gradients if isinstance(gradients, tuple) else (gradients,)
            return tuple(torch.from_numpy(np.array(g)) for g in gradients)

    tensors = [torch.from_numpy(given[i].copy()).requires_grad_() for i in places]
    return bool(torch.autograd.gradcheck(Pair.apply, tensors)), []


def measure(checker, suite, seeds):
    """Return the figures of one checker for one set, means over the seeds."""
    found = alarms = first = second = 0
    start = time.perf_counter()
    for seed in range(seeds):
        for case in [*suite.WRONG, *suite.CORRECT]:
            inputs = case.inputs(np.random.default_rng(seed))
            try:
                ok, kinds = checker(case, inputs)
            except Exception:  # what a checker cannot take counts as blamed
                ok, kinds = False, []
            if case.kind is None:
                alarms += not ok
            else:
                good = {case.kind, *case.also}
                found += not ok
                first += bool(good & set(kinds[:1]))
                second += bool(good & set(kinds[:2]))
    seconds = (time.perf_counter() - start) / seeds
    wrong, right = len(suite.WRONG) * seeds, len(suite.CORRECT) * seeds
    return dict(zip(COLUMNS, (found / wrong, alarms / right, first / wrong, second / wrong, seconds)))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--seeds", type=int, default=1, help="how often the inputs are drawn")
    options = parser.parse_args(arguments)
    checkers = {"nnscratch": ours, "CS231n recipe": cs231n}
    if importlib.util.find_spec("torch"):
        checkers["torch.autograd.gradcheck"] = torch_gradcheck
    warnings.simplefilter("ignore")
    figures = {}
    with np.errstate(all="ignore"):
        for word, suite in (("open", planted), ("held out", planted_held_out)):
            figures[word] = {"wrong": len(suite.WRONG), "correct": len(suite.CORRECT)}
            for name, checker in checkers.items():
                figures[word][name] = measure(checker, suite, options.seeds)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for word, figure in figures.items():
        print(f"{word} set: {figure['wrong']} mistakes, {figure['correct']} correct pairs")
        print("  " + "".ljust(26) + "".join(column.rjust(14) for column in COLUMNS))
        for name in checkers:
            shown = [f"{figure[name][c]:.1f}" if c == "seconds" else f"{figure[name][c]:.1%}" for c in COLUMNS]
            if name != "nnscratch":
                shown[2:4] = ["-", "-"]
            print("  " + name.ljust(26) + "".join(value.rjust(14) for value in shown))


if __name__ == "__main__":
    main()
