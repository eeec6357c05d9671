"""The settings of a training run: their names, their defaults, and what a resumed run may change."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnscratch.choices import choose

MODEL_OPTIONS = ("width", "norm", "activation", "pool", "drop", "hidden", "order", "cell", "depth", "embed")
WHERE = ("device", "precision", "graph", "loss_every")
FREE = ("threads", "checkpoint_every", *WHERE)  # what may differ when a run goes on
DEFAULTS: dict[str, Any] = {
    "model": "small-alexnet",
    "data": "auto",
    "image_size": None,
    "validation": 1000,
    "train_images": None,
    "test_images": None,
    "epochs": 10,
    "batch_size": 128,
    "optimizer": "nesterov",
    "schedule": "one-cycle",
    "rate": None,
    "momentum": None,
    "weight_decay": None,
    "label_smoothing": 0.0,
    "clip_norm": None,
    "augment": "standard",
    "preprocess": "standardize",
    "seed": None,
    "threads": None,
    "layers": None,
    "checkpoint_every": None,
    "device": "cpu",
    "precision": "float32",
    "graph": None,
    "loss_every": None,
    "length": None,
}
QUICK = {"epochs": 3, "train_images": 1000, "test_images": 500, "validation": 200}
# Other data, other settings: simple pictures need a small network and no dropout.
RECIPES: dict[str, dict[str, Any]] = {
    "shapes10": {"epochs": 6, "batch_size": 64, "width": 16, "drop": 0.0},
}
TEXT_MODELS: dict[str, dict[str, Any]] = {
    "char-rnn": {
        "epochs": 10, "batch_size": 64, "length": 64, "optimizer": "adam", "rate": 4e-3, "weight_decay": 0.0,
        "clip_norm": 5.0, "augment": "none",
    },
}  # fmt: skip
# AlexNet as it was trained in 2012 (Krizhevsky et al. 2012, sec. 4 and 5): windows of so many pixels out of
# pictures of 256, mirrored, their colours shifted; a rate, for batches of 128, that falls when the validation loss
# no longer does. Gradients are clipped, as for all plain networks: with two classes in place of a thousand the
# units whose biases are 1 make the scores swing, and without clipping the loss grew from 0.9 to 8.
WINDOWS, PICTURE = {"alexnet": 227, "alexnet-one-tower": 224}, 256
ALEXNET: dict[str, Any] = {"epochs": 90, "schedule": "reduce-on-plateau", "preprocess": "mean-image-255"}
ALEXNET_RATE = 0.01
IMAGES_ONLY = (
    "image_size", "validation", "train_images", "test_images", "augment", "preprocess", "label_smoothing",
    "graph",
)  # fmt: skip
# Peak rates of SGD with momentum at batches of 128; without batch norm, 0.06 ends in equal scores for all.
NORMED_RATE, PLAIN_RATE = 0.06, 0.02
PLAIN_CLIP = 5.0


class SettingError(ValueError):
    """A setting that the chosen model or optimiser does not have, or that a resumed run may not change."""


def resolve(given: Mapping[str, Any], quick: bool = False, data_name: str = "") -> dict[str, Any]:
    """Return all settings: those given on the command line, and defaults for the others.

    The defaults depend on the data, on the model and on the optimiser. The options of the model are gathered
    under "options". Raises ValueError for unknown names, SettingError for options that do not belong together.

    >>> settings = resolve({"model": "mlp", "hidden": "100,50", "epochs": 3})
    >>> settings["options"]["hidden"], settings["epochs"], settings["batch_size"]
    ([100, 50], 3, 128)
    >>> resolve({"model": "alexnet", "data": "photos"})["augment"]
    'mirror,window227,colour'
    >>> resolve({}, data_name="shapes10")["batch_size"]
    64
    """
    from nnscratch.arrays import default_seed
    from nnscratch.data import SOURCES
    from nnscratch.data.augment import parse
    from nnscratch.data.preprocess import PREPROCESS
    from nnscratch.training import SCHEDULES

    recipe = _recipe(given, data_name)
    short = {"epochs": 1} if given.get("model") in TEXT_MODELS else QUICK
    chosen = {**DEFAULTS, **recipe, **_of_network(given), **(short if quick else {}), **given}
    settings = {name: chosen[name] for name in DEFAULTS}
    settings["options"] = model_options(settings["model"], given, recipe)
    settings["seed"] = default_seed() if settings["seed"] is None else settings["seed"]
    settings["layers"] = _whole_path(settings["layers"])
    settings["data"] = settings["data"] if settings["data"] in SOURCES else _whole_path(settings["data"])
    if settings["data"] == "auto" and data_name:
        settings["data"] = data_name if data_name == "shapes10" else "cifar10"
    _check_device(settings)
    parse(settings["augment"])
    named(settings["preprocess"], PREPROCESS, "preprocessing")
    named(settings["schedule"], SCHEDULES, "schedule")
    return {**settings, **_learning(settings)}


def _recipe(given, data_name):
    """The defaults that suit the data, or a text; refuse settings for images on a text, and the reverse."""
    model = given.get("model")
    foreign = [name for name in (IMAGES_ONLY if model in TEXT_MODELS else ("length",)) if name in given]
    if foreign:
        kind = "a text, which has no such setting" if model in TEXT_MODELS else "images, not texts"
        option = foreign[0].replace("_", "-")
        raise SettingError(f"--{option}: {model or DEFAULTS['model']} learns from {kind}; leave the option out")
    recipe = TEXT_MODELS.get(model or "", RECIPES.get(data_name, {}))
    return {name: value for name, value in recipe.items() if name != "rate" or "optimizer" not in given}


def _of_network(given):
    """The defaults of a network that was published with its own; {} for the others."""
    from nnscratch.data import SOURCES
    from nnscratch.models.cuda_convnet import DECAYS

    model = given.get("model")
    if model in WINDOWS and given.get("data", "auto") not in SOURCES:
        size = given.get("image_size") or (PICTURE, PICTURE)
        window = min(size) * WINDOWS[model] // PICTURE
        own = {"image_size": tuple(size), "augment": f"mirror,window{window},colour", **ALEXNET}
        rate = ALEXNET_RATE * min(given.get("batch_size", 128), 128) / 128
        return own if "optimizer" in given else own | {"optimizer": "momentum", "rate": rate}
    augment = "mirror,window24" if model == "11pct" else "mirror"
    own = {"optimizer": "momentum", "preprocess": "mean-image-255", "augment": augment}
    return own if model in DECAYS else {}


def _learning(settings):
    """The settings of the optimiser, with defaults that suit it and the model."""
    from nnscratch.models.cuda_convnet import DECAYS, recipe
    from nnscratch.training import OPTIMIZERS

    name, _ = named(settings["optimizer"], OPTIMIZERS, "optimizer")
    slots = inspect.signature(OPTIMIZERS[name]).parameters
    options = settings["options"]
    normed = options.get("norm") == "batch" or "order" in options  # of a resnet, which always has batch norm
    if "momentum" in slots:
        rate = NORMED_RATE * min(settings["batch_size"], 128) / 128 if normed else PLAIN_RATE
        defaults = {"rate": rate, "momentum": 0.9, "clip_norm": None if normed else PLAIN_CLIP}
    elif settings["momentum"] is not None:
        raise SettingError(
            f"--momentum: {name} has no momentum; leave the option out, or use --optimizer nesterov"
        )
    else:
        defaults = {"rate": slots["rate"].default, "momentum": None, "clip_norm": None}
    defaults["weight_decay"] = 1e-2 if name == "adamw" else 5e-4
    if settings["model"] in DECAYS and name == "momentum":
        defaults |= {key: value for key, value in recipe(settings["model"]).items() if key in defaults}
        defaults["clip_norm"] = None
    return {key: value if settings[key] is None else settings[key] for key, value in defaults.items()}


def going_on(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run that goes on: its own, or those given where they may differ.

    A run that leaves the GPU for the CPU leaves behind what is for the GPU alone.

    >>> before = resolve({"device": "gpu", "precision": "tf32", "epochs": 3})
    >>> after = going_on(before, {"device": "cpu"})
    >>> after["precision"], after["epochs"]
    ('float32', 3)
    """
    allowed = {name: given[name] for name in FREE if name in given}
    after = {**DEFAULTS, **settings, **allowed}
    if after["device"] == "cpu":
        after.update({name: DEFAULTS[name] for name in WHERE if name not in allowed})
    _check_device(after)
    return after


def _check_device(settings):
    for name in ("graph", "loss_every"):
        if settings[name] and settings["device"] == "cpu":
            raise SettingError(f"--{name.replace('_', '-')} is for the GPU: add --device gpu, or leave it out")


def model_options(model: str, given: Mapping[str, Any], recipe: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Return the options of a model, each in the type of its default, as JSON holds it.

    Raises ValueError for an unknown model and SettingError for an option that it does not have.

    >>> model_options("lenet", {"pool": "max"})
    {'activation': 'tanh', 'pool': 'max'}
    """
    from nnscratch.models import MODELS

    slots = inspect.signature(choose(model, MODELS, "model")).parameters
    own = [name for name in MODEL_OPTIONS if name in slots]
    options = {name: recipe.get(name, slots[name].default) for name in own}
    for name in MODEL_OPTIONS:
        if given.get(name) is None:
            continue
        if name not in own:
            listed = ", ".join(f"--{option}" for option in own)
            raise SettingError(f"--{name}: the model {model} has no such option; it has {listed}")
        options[name] = _like(options[name], given[name], name)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def named(text: str, table: Mapping[str, Any], what: str) -> tuple[str, dict[str, Any]]:
    """Split "step:every=4,factor=0.5" into a name of the table and the settings for what it stands for.

    Raises ValueError for an unknown name or setting, with the nearest valid one.

    >>> from nnscratch.training import SCHEDULES
    >>> named("step:every=4,factor=0.5", SCHEDULES, "schedule")
    ('step', {'every': 4, 'factor': 0.5})
    """
    name, _, rest = text.partition(":")
    slots = inspect.signature(choose(name, table, what)).parameters
    values = {}
    for word in filter(None, rest.split(",")):
        key, _, number = word.partition("=")
        choose(key, {slot: slot for slot in slots if slot != "common"}, f"setting of {name}")
        try:
            values[key] = int(number) if number.lstrip("-").isdigit() else float(number)
        except ValueError:
            raise SettingError(f"{what} {text!r}: {key} needs a number, as in {name}:{key}=0.5") from None
    return name, values


def refuse_changes(given: Mapping[str, Any], settings: Mapping[str, Any], run: Path) -> None:
    """Raise SettingError when a run that goes on was given a setting other than the one it was started with.

    >>> refuse_changes({"epochs": 3}, {"epochs": 3}, Path("runs/first"))
    """
    changed = []
    for name, value in given.items():
        before = settings["options"].get(name) if name in MODEL_OPTIONS else settings.get(name)
        if name in ("data", "layers") and value != before:
            value = _whole_path(value)
        if name in MODEL_OPTIONS and before is not None:
            value = _like(before, value, name)
        if isinstance(before, list):
            value = list(value)
        if name not in FREE and value != before:
            changed.append(f"--{name.replace('_', '-')} is {_told(before)} in {run}, not {_told(value)}")
    if changed:
        raise SettingError(
            "a run goes on with the settings that it was started with:\n  "
            + "\n  ".join(changed)
            + "\nleave these options out, or start a new run with them, without --resume"
        )


def _like(example, text, name):
    """Turn the text of an option into the type of its default."""
    kind = type(example)
    try:
        if kind in (tuple, list):
            return [int(word) for word in str(text).split(",") if word]
        return kind(text)
    except ValueError:
        needed = {int: "a whole number", float: "a number", tuple: "whole numbers, such as 100,50"}
        raise SettingError(f"--{name} {text}: give {needed.get(kind, 'a word')}") from None


def _whole_path(path):
    """The path from the root, where there is such a file or folder, so that a run can go on from any folder."""
    return str(Path(path).resolve()) if path and Path(path).exists() else path


def _told(value):
    return "not set" if value is None else ",".join(map(str, value)) if isinstance(value, list) else value
