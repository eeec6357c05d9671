"""Train one of the networks for images, and write its row.

Run `python -m experiments.network NAME --data PATH`, or with several names, parted by slashes.
"""

from experiments.record import Stopwatch, options, write_row
from nnscratch.choices import choose
from nnscratch.cli.build import build_solver
from nnscratch.cli.settings import resolve
from nnscratch.data import load
from nnscratch.models.cuda_convnet import DECAYS
from nnscratch.models.summary import rows_of, totals
from nnscratch.training import ProgressBar

# Rows of the table: what is trained, and the options that make it another network than the default.
VARIANTS = {
    "small-alexnet, batch norm": ("small-alexnet", {"norm": "batch"}),
    "small-alexnet, lrn": ("small-alexnet", {"norm": "lrn"}),
    "small-alexnet, no norm": ("small-alexnet", {"norm": "none"}),
    "lenet": ("lenet", {"activation": "relu", "pool": "max"}),
    "cifar-vgg": ("cifar-vgg", {}),
    "cifar-googlenet": ("cifar-googlenet", {}),
    "resnet20": ("resnet20", {}),
    "resnet20, pre-activation": ("resnet20", {"order": "pre"}),
    "nin": ("nin", {}),
    **{name: (name, {}) for name in DECAYS},
}


def run(name, data, epochs):
    """Train one network by the recipe of `nnscratch train`, and write its row."""
    model, chosen = choose(name, VARIANTS, "row")
    settings = resolve({"model": model, "epochs": epochs, "seed": 0, **chosen}, data_name=data.name)
    solver = build_solver(settings, data, [ProgressBar()])
    parameters, work, _ = totals(rows_of(solver.model.layers, tuple(solver.model.spec["image"])))
    with Stopwatch() as watch:
        solver.train()
    accuracy = solver.evaluate("test")["accuracy"]
    write_row(
        "network",
        name,
        parameters=parameters,
        multiply_adds=work,
        accuracy=accuracy,
        watch=watch,
        data=data.name,
        epochs=epochs,
    )


def main():
    """Train the named networks."""
    parser = options(__doc__, epochs=5)
    parser.add_argument("names", metavar="NAME", help=f"one or more of: {'; '.join(VARIANTS)} (parted by /)")
    settings = parser.parse_args()
    data = load(settings.data)
    for name in settings.names.split("/"):
        run(name.strip(), data, settings.epochs)


if __name__ == "__main__":
    main()
