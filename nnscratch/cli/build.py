"""From settings to objects: the data, model, preprocessing and Solver of a run, and a trained model to look at."""

import contextlib
import inspect
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nnscratch.cli.errors import blamed_on
from nnscratch.cli.run_folder import RunError, RunFolder
from nnscratch.cli.settings import SettingError, named
from nnscratch.cli.text import build_text_solver, is_text, load_text
from nnscratch.cli.views import AtSize, window_of


@dataclass
class Trained:
    """A trained model with all that it takes to use it: preprocessing, names of the classes, shape of an image.

    >>> Trained(model=None, preprocess=None, classes=["cat", "dog"], image=(3, 32, 32), augment="none").classes
    ['cat', 'dog']
    """

    model: Any
    preprocess: Any
    classes: list[str]
    image: tuple[int, int, int]
    augment: str

    def probabilities(self, x: Any) -> Any:
        """Return class probabilities (N, classes) of raw images (N, C, H, W), uint8 or floating point.

        The images are NumPy arrays and so is the answer, wherever the model lies.
        """
        from nnscratch.arrays import to_device
        from nnscratch.training import device_of_model

        there = to_device(self.preprocess(x), device_of_model(self.model))
        return to_device(self.model.probabilities(there), "cpu")


def use_threads(count: int | None) -> None:
    """Let the kernels work on so many threads, if they have not begun yet; None changes nothing.

    >>> use_threads(None)
    """
    if count is not None:
        os.environ["NNSCRATCH_THREADS"] = str(count)


@contextlib.contextmanager
def user_layers(path: str | None) -> Iterator[list[str]]:
    """Use the pairs of the user's file inside this block; gives their names, and blames errors on their lines.

    >>> with user_layers(None) as names:
    ...     names
    []
    """
    if path is None:
        yield []
        return
    from nnscratch.layers.override import load_pairs, using

    pairs = load_pairs(path)
    with using(pairs), blamed_on(path):
        yield sorted({name.rpartition("_")[0] for name in pairs})


def load_data(settings: Mapping[str, Any]) -> Any:
    """Return the Dataset of a run, cut down to the numbers of images that it asks for.

    >>> import os
    >>> os.environ["NNSCRATCH_CACHE"] = str(getfixture("tmp_path"))
    >>> settings = {"data": "shapes10", "validation": 50, "image_size": None}
    >>> load_data({**settings, "train_images": 40, "test_images": 20})
    Dataset(shapes10: 40 train + 50 val + 20 test images of 3x32x32 uint8, 10 classes)
    """
    from nnscratch import data

    if is_text(settings):
        return load_text(settings)
    size = settings["image_size"]
    found = data.load(settings["data"], validation=settings["validation"], image=tuple(size) if size else None)
    if size and found.image[1:] != tuple(size):
        raise SettingError(
            f"--image-size: only pictures in folders and archives are brought to a size; those of {found.name} "
            f"are {found.image[1]}x{found.image[2]}: leave the option out, and choose a network for such images"
        )
    if settings["train_images"] or settings["test_images"]:
        return found.subset(train=settings["train_images"], test=settings["test_images"])
    return found


def facts_of(data: Any) -> dict[str, Any]:
    """Return what config.json keeps of a Dataset, with a checksum by which a resumed run knows its data again.

    >>> from nnscratch.data.dataset import Dataset
    >>> import numpy as np
    >>> x, y = np.zeros((2, 3, 8, 8), np.uint8), np.array([0, 1])
    >>> facts_of(Dataset(x, y, None, None, x, y, classes=["cat", "dog"], name="pets"))["train"]
    2
    """
    import numpy as np

    checksum = zlib.crc32(data.y_train, zlib.crc32(np.ascontiguousarray(data.x_train).data))
    return {
        "name": data.name,
        "note": data.note,
        "classes": data.classes,
        "image": list(data.x_train.shape[1:]),
        "train": len(data.x_train),
        "val": len(data.x_val),
        "test": len(data.x_test),
        "checksum": f"{checksum:08x}",
    }


def build_solver(settings: Mapping[str, Any], data: Any, callbacks: Sequence[Any] = (), saved: Any = None) -> Any:
    """Return the Solver of a run; `saved` is its checkpoint folder, from which a fitted preprocessing is taken.

    Raises ValueError for unknown names, and what model, preprocessing and Solver raise for values that do not fit.

    >>> from nnscratch.cli.settings import resolve
    >>> from nnscratch.data.shapes10 import shapes10
    >>> data = shapes10(train=20, test=10, validation=0, cache=getfixture("tmp_path"))
    >>> solver = build_solver(resolve({"model": "mlp", "epochs": 1, "batch_size": 10, "data": "shapes10"}), data)
    >>> len(solver.batches)
    2
    """
    from nnscratch.data import augment
    from nnscratch.models import MODELS, build
    from nnscratch.models.cuda_convnet import DECAYS, recipe
    from nnscratch.training import OPTIMIZERS, SCHEDULES, Solver

    if is_text(settings):
        return build_text_solver(settings, data, callbacks)
    chain = augment.parse(settings["augment"], data.x_train)
    preprocess = _saved_preprocess(settings, saved) or _new_preprocess(settings, data)
    image = preprocess(data.x_train[:1]).shape[1:]
    builder: Any = MODELS[settings["model"]]
    slots = inspect.signature(builder).parameters
    known = {"classes": data.num_classes, "image": list(image), "seed": settings["seed"]}
    options = {**settings["options"], **{name: value for name, value in known.items() if name in slots}}
    model = build(settings["model"], **options).to(settings["device"])
    if settings["label_smoothing"]:
        from nnscratch.layers import softmax_loss

        model.criterion = partial(softmax_loss, smoothing=settings["label_smoothing"])
    rule, values = named(settings["optimizer"], OPTIMIZERS, "optimizer")
    momentum = {} if settings["momentum"] is None else {"momentum": settings["momentum"]}
    if settings["model"] in DECAYS:
        values = {"rate_scale": recipe(settings["model"])["rate_scale"], **values}
    common = {"rate": settings["rate"], "weight_decay": settings["weight_decay"], **momentum}
    shape, shape_values = named(settings["schedule"], SCHEDULES, "schedule")
    return Solver(
        model,
        data,
        OPTIMIZERS[rule](**{**common, **values}),
        SCHEDULES[shape](**shape_values),
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
        callbacks=callbacks,
        seed=settings["seed"],
        augment=chain if chain.steps else None,
        preprocess=preprocess,
        clip_norm=settings["clip_norm"] or None,
        loss_every=settings["loss_every"],
        graph=bool(settings["graph"]),
    )


def load_trained(run: RunFolder, device: str = "cpu") -> Trained:
    """Return the model of a run with the weights of its last checkpoint, and the preprocessing fitted then.

    The model is moved to the device, `"cpu"` or `"gpu"`, wherever it was trained.

    Raises RunError when nothing has been saved yet, CheckpointError when what was saved is damaged.

    >>> load_trained(RunFolder("runs/first"))
    Traceback (most recent call last):
    nnscratch.cli.run_folder.RunError: runs/first has no checkpoint yet...
    """
    from nnscratch.models import build
    from nnscratch.training import load_checkpoint, restore_arrays
    from nnscratch.training.weights import part_of

    if run.config and is_text(run.settings):
        raise RunError(f"{run.path} holds a model of a text, not of images: use nnscratch sample {run.path}")
    if not run.has_checkpoint:
        raise RunError(
            f"{run.path} has no checkpoint yet: let it train first, nnscratch train --resume {run.path}"
        )
    arrays, facts = load_checkpoint(run.checkpoint)
    try:
        model = build(**facts["model"])
    except (KeyError, TypeError) as error:
        raise RunError(f"{run.checkpoint} names no model that can be built ({error}): train again") from None
    restore_arrays(model.params, part_of(arrays, "params"), "parameters")
    restore_arrays(model.state, part_of(arrays, "state"), "running statistics")
    settings, about = run.settings, run.config["data"]
    preprocess = _restore_preprocess(settings, arrays)
    return Trained(model.to(device), preprocess, about["classes"], tuple(about["image"]), settings["augment"])


def _new_preprocess(settings, data):
    from nnscratch.data.preprocess import PREPROCESS

    name, values = named(settings["preprocess"], PREPROCESS, "preprocessing")
    return AtSize(PREPROCESS[name](**values), window_of(settings["augment"])).fit(data.x_train)


def _saved_preprocess(settings, saved):
    """The preprocessing of a checkpoint; None where there is no checkpoint."""
    if saved is None or not (Path(saved) / "checkpoint.json").exists():
        return None
    from nnscratch.training import load_checkpoint

    return _restore_preprocess(settings, load_checkpoint(saved)[0])


def _restore_preprocess(settings, arrays):
    from nnscratch.data.preprocess import PREPROCESS, from_arrays
    from nnscratch.training.weights import part_of

    name, _ = named(settings["preprocess"], PREPROCESS, "preprocessing")
    return AtSize(from_arrays(name, part_of(arrays, "preprocess")), window_of(settings["augment"]))
