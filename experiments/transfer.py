"""Transfer learning in three ways: accuracy against the number of labelled images.

Run `python -m experiments.transfer --data PATH`: a small AlexNet learns eight classes of CIFAR-10; what it has
learned is used for the other two, and for shapes10. A row names the task, the way and how many images had labels.
"""

import copy

from experiments.record import Stopwatch, options, write_row
from nnscratch.data import Standardize, load
from nnscratch.models import build, mlp
from nnscratch.models.summary import rows_of, totals
from nnscratch.models.transfer import on_features, with_new_head
from nnscratch.training import Nesterov, OneCycle, ProgressBar, Solver
from nnscratch.training.splits import spread

TRUNK, LAST_BLOCKS = "relu6", "relu3"  # below: frozen for a new head; and for fine-tuning what lies above
HELD_BACK = (3, 5)  # cat and dog
COUNTS = (20, 100, 500, 2000)


def only(data, labels):
    """Return images and labels of some classes of a data set, the classes counted anew."""
    new = {label: number for number, label in enumerate(labels)}
    found = {}
    for split in ("train", "val", "test"):
        x, y = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
        if x is not None:
            chosen = [i for i, label in enumerate(y) if label in new]
            found[f"x_{split}"] = x[chosen]
            found[f"y_{split}"] = y[chosen].copy()
            for old, number in new.items():
                found[f"y_{split}"][y[chosen] == old] = number
    return found


def train(model, data, steps, rate, preprocess=None):
    """Train a model for so many steps, however few the images are, and return its accuracy on the test images."""
    size = min(32, max(len(data["x_train"]) // 4, 5))
    epochs = max(round(steps * size / len(data["x_train"])), 1)
    rule = Nesterov(rate=rate, weight_decay=5e-4)
    solver = Solver(model, data, rule, OneCycle(), batch_size=size, epochs=epochs, seed=0, preprocess=preprocess)
    solver.train()
    return solver.evaluate("test")["accuracy"]


def ways(base, data, classes, preprocess, steps):
    """Yield (way, model, accuracy, watch): from nothing, and the three ways to use the base."""
    with Stopwatch() as watch:
        model = build("small-alexnet", classes=classes, seed=1)
        accuracy = train(model, data, steps, 0.02, preprocess)
    yield "from nothing", model, accuracy, watch
    with Stopwatch() as watch:
        model = with_new_head(copy.deepcopy(base), classes, frozen=TRUNK)
        accuracy = train(model, data, steps, 0.02, preprocess)
    yield "frozen trunk, new head", model, accuracy, watch
    with Stopwatch() as watch:
        made = on_features(base, data, TRUNK, preprocess)
        model = mlp(hidden=(64,), classes=classes, image=made["x_train"].shape[1:])
        accuracy = train(model, made, 4 * steps, 0.01)
    yield "small network on features", model, accuracy, watch
    with Stopwatch() as watch:
        model = with_new_head(copy.deepcopy(base), classes, frozen=LAST_BLOCKS)
        accuracy = train(model, data, steps, 0.01, preprocess)
    yield "fine-tuning the last blocks", model, accuracy, watch


def main():
    """Train the base, then all ways on both tasks with more and more images."""
    settings = options(__doc__, epochs=5, steps=600, base_images=40_000).parse_args()
    cifar = load(settings.data)
    others = [label for label in range(10) if label not in HELD_BACK]
    eight = only(cifar, others)
    preprocess = Standardize().fit(eight["x_train"])
    eight["x_train"], eight["y_train"] = spread(eight["x_train"], eight["y_train"], settings.base_images)
    base = build("small-alexnet", classes=8, seed=0)
    rule = Nesterov(rate=0.06, weight_decay=5e-4)
    Solver(base, eight, rule, OneCycle(), epochs=settings.epochs, seed=0, preprocess=preprocess,
           callbacks=[ProgressBar()]).train()  # fmt: skip
    shapes = load("shapes10")
    tasks = {
        "cat or dog": (only(cifar, HELD_BACK), 2, cifar.name),
        "shapes10": (only(shapes, range(10)), 10, shapes.name),
    }
    for task, (data, classes, label) in tasks.items():
        for count in COUNTS:
            few = {name: array for name, array in data.items() if not name.endswith("_val")}
            few["x_train"], few["y_train"] = spread(data["x_train"], data["y_train"], count)
            for way, model, accuracy, watch in ways(base, few, classes, preprocess, settings.steps):
                image = (
                    cifar.image if way != "small network on features" else (1, 1, len(model.params["affine1.w"]))
                )
                _, work, _ = totals(rows_of(model.layers, image))
                parameters = sum(w.size for w in model.params.values())
                write_row(
                    "transfer", f"{task}, {len(few['x_train'])} images: {way}", parameters=parameters,
                    multiply_adds=work, accuracy=accuracy, watch=watch, data=label,
                )  # fmt: skip


if __name__ == "__main__":
    main()
