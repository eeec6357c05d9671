"""`nnscratch data`: list the data that are at hand, fetch CIFAR-10, show a grid of images."""

import os
from pathlib import Path
from typing import Any

from nnscratch.cli.output import print_json, say
from nnscratch.cli.parser import add_command, image_size, one_of, whole

EXAMPLES = """\
examples:
  nnscratch data list                               what is at hand, and where
  nnscratch data fetch                              download CIFAR-10 (170 MB) into the cache
  nnscratch data show shapes10 --out shapes.png     a grid of images with their classes
  nnscratch data show ../pictures.zip --split test --count 60 --out pictures.png
"""


def register(commands: Any) -> None:
    """Add the command and its three actions to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["data", "show", "shapes10", "--count", "20"]).count
    20
    """
    parser = add_command(commands, "data", "list, fetch and show data", EXAMPLES)
    actions = parser.add_subparsers(dest="action", title="actions", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="which data are at hand, and where", epilog=EXAMPLES)
    listing.add_argument("--json", action="store_true", help="print the list as JSON")
    listing.set_defaults(run=_list)

    fetch = actions.add_parser("fetch", help="download CIFAR-10 into the cache", epilog=EXAMPLES)
    fetch.add_argument("name", nargs="?", default="cifar10", type=one_of(("cifar10",), "download"), metavar="NAME")
    fetch.set_defaults(run=_fetch)

    show = actions.add_parser("show", help="write a grid of images with their classes", epilog=EXAMPLES)
    show.add_argument("source", metavar="NAME", help="auto, cifar10, shapes10, or the path of a folder or archive")
    show.add_argument("--out", metavar="FILE", help="the PNG file to write (NAME.png)")
    show.add_argument("--split", type=one_of(("train", "val", "test"), "split"), default="train")
    show.add_argument("--count", type=whole(1), default=40, metavar="N", help="how many images (40)")
    show.add_argument("--image-size", type=image_size, metavar="SIZE", help="bring pictures to this size")
    show.set_defaults(run=_show)


def at_hand() -> dict[str, str]:
    """Return, for every named data set, where it is.

    >>> sorted(at_hand())
    ['cifar10', 'shapes10']
    """
    from nnscratch.data.cache import cache_folder
    from nnscratch.data.download import ARCHIVE
    from nnscratch.data.sources import find_in

    own = os.environ.get("NNSCRATCH_DATA")
    places = [Path(own).expanduser()] if own else []
    found = [find_in(place) if place.is_dir() else place for place in places if place.exists()]
    archive = cache_folder() / ARCHIVE
    here = [str(path) for path in found if path] + ([str(archive)] if archive.exists() else [])
    return {
        "cifar10": here[0] if here else "not at hand: nnscratch data fetch downloads it (170 MB)",
        "shapes10": "always at hand, nnscratch draws it",
    }


def _list(arguments):
    places = at_hand()
    if arguments.json:
        print_json(places)
        return 0
    about = {"cifar10": "60,000 photographs, 32x32, 10 classes", "shapes10": "13,000 drawings, 32x32, 10 classes"}
    for name, place in places.items():
        say(name, f"{about[name]}\n{place}")
    say("PATH", "a folder, tar or zip of train/CLASS/*.png|jpg and test/CLASS/*.png|jpg works in place of a name")
    return 0


def _fetch(arguments):
    from nnscratch.data.download import fetch_cifar10

    say(arguments.name, fetch_cifar10())
    return 0


def _show(arguments):
    from nnscratch import data
    from nnscratch.plotting import plot_images, save

    found = data.load(arguments.source, image=arguments.image_size)
    x, y = getattr(found, f"x_{arguments.split}"), getattr(found, f"y_{arguments.split}")
    x, y = x[: arguments.count], y[: arguments.count]
    out = Path(arguments.out or f"{found.name.partition(',')[0].lower()}.png")
    if out.is_dir():
        out = out / "grid.png"
    title = f"{found.name}, {arguments.split} images"
    save(plot_images(x, [found.classes[label] for label in y], title), out)
    say("data", f"{found.name}, {found.note.removeprefix(f'{found.name}: ')}")
    say("picture", out)
    return 0
