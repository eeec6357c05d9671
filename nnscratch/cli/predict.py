"""`nnscratch predict RUN IMAGE...`: what a trained model sees in pictures of any size and format."""

from pathlib import Path
from typing import Any

from nnscratch.cli.device import on_device
from nnscratch.cli.evaluate import add_run
from nnscratch.cli.output import print_json, print_table
from nnscratch.cli.parser import add_command, whole
from nnscratch.cli.run_folder import RunFolder

EXAMPLES = """\
examples:
  nnscratch predict runs/cifar-10-small-alexnet-1 cat.jpg
  nnscratch predict runs/first pictures/*.png --top 3
  nnscratch predict runs/first cat.jpg --json
"""


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["predict", "runs/first", "cat.jpg", "dog.jpg"]).images
    ['cat.jpg', 'dog.jpg']
    """
    parser = add_command(commands, "predict", "say what a trained model sees in image files", EXAMPLES)
    add_run(parser)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="image files of any size and format")
    parser.add_argument("--top", type=whole(1), default=5, metavar="N", help="how many classes to show (5)")
    parser.add_argument("--json", action="store_true", help="print the probabilities as JSON")
    parser.set_defaults(run=_run)


def read_image(path: str | Path, image: tuple[int, int, int]) -> Any:
    """Read a picture as (1, C, H, W) uint8, scaled to cover H x W and cut to its centre.

    Raises OSError when the file is missing and DataError when it is no picture.

    >>> from PIL import Image
    >>> path = getfixture("tmp_path") / "wide.png"
    >>> Image.new("RGB", (64, 48)).save(path)
    >>> read_image(path, (3, 32, 32)).shape
    (1, 3, 32, 32)
    """
    from nnscratch.data.image_folder import open_picture

    channels, height, width = image
    picture = open_picture(Path(path).read_bytes(), path, (height, width)).transpose(2, 0, 1)[None]
    if channels == 1:
        picture = picture.mean(axis=1, keepdims=True).round().astype(picture.dtype)
    return picture


def _run(arguments):
    import numpy as np

    from nnscratch.cli.build import load_trained, user_layers

    run = RunFolder.open(arguments.folder)
    with on_device(arguments.device, arguments.precision), user_layers(arguments.layers or run.layers()):
        trained = load_trained(run, arguments.device)
        pictures = np.concatenate([read_image(path, trained.image) for path in arguments.images])
        probabilities = trained.probabilities(pictures)
    ranked = [
        [
            (trained.classes[number], float(row[number]))
            for number in (-row).argsort(kind="stable")[: arguments.top]
        ]
        for row in probabilities
    ]
    if arguments.json:
        print_json(
            [
                {"image": path, "class": best[0][0], "probabilities": dict(best)}
                for path, best in zip(arguments.images, ranked)
            ]
        )
    elif len(ranked) == 1:
        rows = [[name, f"{share:.1%}", _bar(share)] for name, share in ranked[0]]
        print_table(["class", "probability", ""], rows, title=arguments.images[0])
    else:
        shown = min(3, arguments.top, len(trained.classes))
        rows = [
            [path, *(f"{name} {share:.1%}" for name, share in best[:shown])]
            for path, best in zip(arguments.images, ranked)
        ]
        print_table(["image", "likeliest", "second", "third"][: shown + 1], rows)
    return 0


def _bar(share, width=30):
    return ("█" * round(share * width)).ljust(width)
