"""`nnscratch models`: the networks that there are, and one of them layer by layer."""

import inspect
from typing import Any

from nnscratch.cli.output import print_json, print_table
from nnscratch.cli.parser import add_command, image_size, whole

EXAMPLES = """\
examples:
  nnscratch models                                   names, sources and options
  nnscratch models resnet20                          its layers, parameters, multiply-adds and memory
  nnscratch models vgg16 --image-size 224 --classes 1000
"""


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["models", "resnet20"]).name
    'resnet20'
    """
    parser = add_command(commands, "models", "list the networks, or show one layer by layer", EXAMPLES)
    parser.add_argument("name", nargs="?", metavar="NAME", help="the network to show")
    parser.add_argument("--image-size", type=image_size, metavar="SIZE", help="pixels of its images: 32 or 48x64")
    parser.add_argument("--classes", type=whole(1), metavar="N", help="classes that it tells apart")
    parser.add_argument("--json", action="store_true", help="print the list, or the layers, as JSON")
    parser.set_defaults(run=_run)


def listing() -> list[dict[str, Any]]:
    """Return name, image, options and first line of every network.

    >>> listing()[1]["name"], listing()[1]["image"]
    ('lenet', [3, 32, 32])
    """
    from nnscratch.cli.settings import model_options
    from nnscratch.models import MODELS

    found = []
    for name, builder in MODELS.items():
        about = (inspect.getdoc(builder) or "").splitlines()[0]
        image = _default(builder, "image")
        found.append({
            "name": name,
            "image": list(image) if image else None,
            "options": sorted(model_options(name, {})),
            "about": about,
        })  # fmt: skip
    return found


def _default(builder, slot):
    found = inspect.signature(builder).parameters.get(slot)
    return None if found is None else found.default


def _run(arguments):
    if arguments.name is None:
        rows = listing()
        if arguments.json:
            print_json(rows)
            return 0
        cells = [
            [row["name"], "x".join(map(str, row["image"] or ["text"])), " ".join(f"--{o}" for o in row["options"])]
            for row in rows
        ]
        print_table(["model", "images", "options"], cells)
        return 0
    from nnscratch.choices import choose
    from nnscratch.models import MODELS, build
    from nnscratch.models.summary import rows_of, summary

    builder = choose(arguments.name, MODELS, "model")
    image = _default(builder, "image")
    if image is None:
        raise ValueError(f"{arguments.name} takes no images: only networks for images are shown layer by layer")
    options: dict[str, Any] = {"image": (image[0], *(arguments.image_size or image[1:]))}
    if arguments.classes:
        options["classes"] = arguments.classes
    model = build(arguments.name, **options)
    if arguments.json:
        print_json([row._asdict() for row in rows_of(model.layers, options["image"])])
    else:
        print(summary(model, options["image"]))
    return 0
