"""How far each network is from PyTorch on the same weights in float64, and from its ONNX file in float32.

Run `python -m experiments.agreement`, some minutes; it needs `pip install ".[bench,interop]"` and no data.
`--only NAME` compares one network. All are taken in full size, with random weights, images and texts; a VGG fills
9 GB of memory.
"""

import datetime
import gc
import inspect
import json

import numpy as np

from experiments.network import VARIANTS
from experiments.record import RESULTS, options, weights_per_step
from nnscratch.choices import choose
from nnscratch.models import MODELS, CaptioningRNN, build
from nnscratch.models.captioning import SPECIAL
from nnscratch.models.summary import rows_of, totals
from nnscratch.training.atomic import write_atomically

EXAMPLES, LENGTH = 2, 20  # images or sequences; characters or words of a sequence
CELLS = ("rnn", "lstm", "gru")
NETWORKS = {
    **VARIANTS,
    **{
        name: (name, {}) for name in MODELS if name not in {model for model, _ in VARIANTS.values()} | {"char-rnn"}
    },
    **{f"char-rnn, {cell}": ("char-rnn", {"cell": cell}) for cell in CELLS},
    **{f"captioning, {cell}": ("captioning", {"cell": cell}) for cell in CELLS},
}
WORDS = [*SPECIAL, *(f"word{number}" for number in range(1000))]


def row_of(name):
    """Return the row of one network: its figures and its differences."""
    from experiments.in_torch import differences

    model, chosen = NETWORKS[name]
    row = {"name": name, **figures(make(model, np.float32, **chosen))}
    wide = shaken(make(model, np.float64, **chosen))
    x, y = drawn(wide)
    found = differences(wide, x, y)
    row |= {"scores": found.pop("scores"), "loss": found.pop("loss"), "gradients": max(found.values())}
    row["onnx"] = onnx_difference(wide.astype(np.float32), x, y)
    return row | {"date": datetime.date.today().isoformat()}


def make(model, dtype, **chosen):
    """Build a network of the list, or a captioning one of a thousand words."""
    return (
        CaptioningRNN(WORDS, dtype=dtype, **chosen)
        if model == "captioning"
        else build(model, dtype=dtype, **chosen)
    )


def figures(model):
    """Return parameters and multiply-adds: of an image, or of one step of a sequence."""
    image = image_of(model)
    if image:
        parameters, work, _ = totals(rows_of(model.layers, image))
    else:
        parameters, work = sum(w.size for w in model.params.values()), weights_per_step(model)
    named = "features" if isinstance(model, CaptioningRNN) else "text"
    return {"input": "x".join(map(str, image or ())) or named, "parameters": parameters, "multiply-adds": work}


def image_of(model):
    """Return the shape of a network's images, None for one that reads text."""
    spec = getattr(model, "spec", None) or {}
    slot = inspect.signature(MODELS[spec["name"]]).parameters.get("image") if spec else None
    return tuple(spec.get("image", slot.default)) if slot else None


def shaken(model):
    """Move the weights to where nothing is special, and switch dropout off: PyTorch would draw other masks."""
    from experiments.in_torch import without_dropout

    rng = np.random.default_rng(0)
    for key, w in model.params.items():
        model.params[key] = w + 0.01 * rng.normal(size=w.shape)
    without_dropout(model.layers)
    return model


def drawn(model):
    """Return random examples for a network, and labels."""
    rng, image = np.random.default_rng(1), image_of(model)
    if image:
        return rng.normal(size=(EXAMPLES, *image)), rng.integers(0, 10, EXAMPLES)
    if isinstance(model, CaptioningRNN):
        features = model.params["project.w"].shape[0]
        return rng.normal(size=(EXAMPLES, features)), rng.integers(1, len(WORDS), (EXAMPLES, LENGTH))
    text = rng.integers(0, model.classes, (EXAMPLES, LENGTH + 1))
    return text[:, :-1], text[:, 1:]


def onnx_difference(model, x, y):
    """Return the largest relative difference between the scores of a model in float32 and of its ONNX file."""
    import onnxruntime

    from experiments.in_torch import relative
    from nnscratch.interop import to_onnx

    image = image_of(model)
    given = {"x": x.astype(np.float32) if x.dtype.kind == "f" else x}
    if isinstance(model, CaptioningRNN):
        shape, ours, given["captions"] = x.shape[1:], model.scores(given["x"], y), y
    else:
        shape, ours = image or ("T",), model.loss(given["x"])
    session = onnxruntime.InferenceSession(to_onnx(model, shape).SerializeToString())
    return relative(session.run(None, given)[0], ours)


def main():
    """Compare the networks, one after the other, and write their rows."""
    settings = options(__doc__, only="").parse_args()
    if settings.only:
        choose(settings.only, NETWORKS, "network")
    path = RESULTS / "agreement.json"
    rows = {row["name"]: row for row in json.loads(path.read_text())} if path.exists() else {}
    for name in [settings.only] if settings.only else NETWORKS:
        row = rows[name] = row_of(name)
        gc.collect()
        parts = ", ".join(f"{key} {row[key]:.0e}" for key in ("scores", "loss", "gradients"))
        print(f"{name}: {parts}; ONNX {row['onnx']:.0e}", flush=True)
        kept = [rows[known] for known in NETWORKS if known in rows]
        write_atomically(path, (json.dumps(kept, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
