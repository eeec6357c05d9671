"""Train one of the networks for images, and write its row.

Run `python -m experiments.network NAME --data PATH`, or with several names, parted by slashes.
"""

from experiments.record import Stopwatch, options, write_row
from nnscratch.choices import choose
from nnscratch.cli.build import build_solver
from nnscratch.cli.settings import resolve
from nnscratch.data import MeanImage, load
from nnscratch.models import MODELS, build
from nnscratch.models.cuda_convnet import DECAYS, recipe
from nnscratch.models.summary import rows_of, totals
from nnscratch.training import Momentum, ProgressBar, Solver, Step

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


def solver_for(name, data, epochs):
    """Return the Solver of a row: cuda-convnet's networks by their own recipe, the others by that of `train`."""
    model_name, chosen = choose(name, VARIANTS, "row")
    if model_name in DECAYS:
        model = build(model_name, classes=data.num_classes, image=MODELS[model_name].__defaults__[1])
        rule = Momentum(**recipe(model_name))
        # As it was published: mean image, no augmentation but crops, the rate lowered by ten and ten again.
        schedule = Step(every=max(1, round(0.8 * epochs)), factor=0.1)
        more = {}
        if model.spec["image"][1] < data.image[1]:
            from nnscratch.cli.views import AtSize
            from nnscratch.data.augment import parse

            size = model.spec["image"][1]
            more["augment"] = parse(f"mirror,window{size}", data.x_train)
            preprocess = AtSize(MeanImage(), size).fit(data.x_train)
        else:
            preprocess = MeanImage().fit(data.x_train)
        return Solver(
            model,
            data,
            rule,
            schedule,
            epochs=epochs,
            seed=0,
            preprocess=preprocess,
            callbacks=[ProgressBar()],
            **more,
        )
    settings = resolve({"model": model_name, "epochs": epochs, "seed": 0, **chosen}, data_name=data.name)
    return build_solver(settings, data, [ProgressBar()])


def run(name, data, epochs):
    """Train one network and write its row."""
    solver = solver_for(name, data, epochs)
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
