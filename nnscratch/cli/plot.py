"""`nnscratch plot RUN`: pictures of a training run and of what its model has learnt and mistaken."""

import math
from pathlib import Path
from typing import Any

from nnscratch.cli.device import on_device
from nnscratch.cli.evaluate import add_run, data_of
from nnscratch.cli.output import say
from nnscratch.cli.parser import add_command
from nnscratch.cli.run_folder import RunFolder

EXAMPLES = """\
examples:
  nnscratch plot runs/shapes10-small-alexnet-1
  nnscratch plot runs/first --out report/figures

pictures: curves.png     loss and accuracy over the epochs
          filters.png    weights of the first layer
          updates.png    size of a step beside the weights, layer by layer
          confusion.png  which classes are taken for which, on the test images
          mistakes.png   the worst mistakes among the test images
"""
TEMPLATES = 60  # at most so many units of a fully connected first layer are shown


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["plot", "runs/first"]).out is None
    True
    """
    parser = add_command(
        commands, "plot", "draw curves, filters, confusion matrix, update ratios and mistakes of a run", EXAMPLES
    )
    add_run(parser)
    parser.add_argument("--data", metavar="SOURCE", help="other data of the same classes: a name or a path")
    parser.add_argument("--out", metavar="FOLDER", help="where the PNG files go (RUN/plots)")
    parser.set_defaults(run=_run)


def draw_all(run: RunFolder, trained: Any, data: Any, measured: Any, out: Path | str | None = None) -> list[Path]:
    """Draw all pictures of a run into a folder, by default its plots/; return their paths.

    `measured` is what `measure` found on the test images, None where there are none.

    >>> draw_all(RunFolder("runs/none"), None, None, None)
    Traceback (most recent call last):
    nnscratch.training.checkpoint.CheckpointError: no checkpoint in ...
    """
    from nnscratch import plotting
    from nnscratch.arrays import to_device
    from nnscratch.training import History, load_checkpoint

    arrays, facts = load_checkpoint(run.checkpoint)
    history = History()
    history.rows, history.losses = facts["history"], arrays["history.losses"].tolist()
    figures = {"curves": plotting.plot_curves(history, measured.accuracy if measured else None)}
    filters = first_filters(trained.model.params, run.config["data"]["image"])
    if filters is not None:
        figures["filters"] = plotting.plot_filters(to_device(filters, "cpu"))
    rows = [row for name, state in facts["callbacks"].items() if "babysitter" in name for row in state["rows"]]
    if rows:
        figures["updates"] = plotting.plot_update_ratios(rows)
    if measured:
        figures["confusion"] = plotting.plot_confusion(measured.confusion, measured.classes)
        shown = plotting.plot_mistakes(data.x_test, data.y_test, measured.probabilities, measured.classes)
        figures["mistakes"] = shown
    folder = Path(out) if out else run.plots
    for name, figure in figures.items():
        plotting.save(figure, folder / f"{name}.png")
    return [folder / f"{name}.png" for name in figures]


def first_filters(params: dict[str, Any], image: list[int]) -> Any:
    """Return the weights of the first layer as images (F, C, H, W); None where they are not of that kind.

    >>> import numpy as np
    >>> first_filters({"affine1.w": np.zeros((48, 10))}, [3, 4, 4]).shape
    (10, 3, 4, 4)
    """
    weights = [array for name, array in params.items() if name.endswith("w")]
    first = weights[0] if weights else None
    if first is not None and first.ndim == 2 and len(first) == math.prod(image):
        return first.T[:TEMPLATES].reshape(-1, *image)
    return first if first is not None and first.ndim == 4 and min(first.shape[2:]) > 1 else None


def _run(arguments):
    from nnscratch.cli.build import load_trained, user_layers
    from nnscratch.cli.measure import measure

    run = RunFolder.open(arguments.folder)
    with on_device(arguments.device, arguments.precision), user_layers(arguments.layers or run.layers()):
        trained = load_trained(run, arguments.device)
        data = data_of(run, arguments.data)
        measured = measure(trained.probabilities, data) if len(data.x_test) else None
        for number, path in enumerate(draw_all(run, trained, data, measured, arguments.out)):
            say("" if number else "plots", path)
    return 0
