"""`nnscratch train`: train a model, keep all of the run in a folder, and go on with a run that was interrupted."""

from pathlib import Path
from typing import Any

from nnscratch.cli import settings as recipes
from nnscratch.cli.carry_out import carry_out
from nnscratch.cli.device import add_device, on_device
from nnscratch.cli.output import say
from nnscratch.cli.parser import add_command, image_size, real, whole
from nnscratch.cli.run_folder import RunError, RunFolder, checksum_of, free_folder
from nnscratch.cli.termination import Termination

EXAMPLES = """\
examples:
  nnscratch train                                  small AlexNet, CIFAR-10 if it can be had, else shapes10
  nnscratch train --data ../cifar-10-python.tar.gz --epochs 20 --out runs/longer
  nnscratch train --model mlp --hidden 200,100 --drop 0.2 --optimizer adam --rate 0.001
  nnscratch train --norm lrn --augment mirror,crop4,cutout8 --schedule step:every=4,factor=0.1
  nnscratch train --layers my_layers.py            with your own pairs in place of the built-in ones
  nnscratch train --model char-rnn --data shakespeare.txt --hidden 256       a text, character by character
  nnscratch train --model alexnet --data FOLDER    the full AlexNet on your pictures, with the settings of 2012
  nnscratch train --quick                          a minute's run, to see that all works
  nnscratch train --resume runs/longer             go on with an interrupted run
  nnscratch train --device gpu --precision tf32 --graph      on an NVIDIA card, with rounded products

The run folder holds config.json, history.csv, checkpoint/, plots/ and result.json. Ctrl-C saves a checkpoint; a
run that goes on ends with the same bits as one that was not interrupted; --device and --precision may change them.
"""


def register(commands: Any) -> None:
    """Add the command to the command line.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> register(parser.add_subparsers())
    >>> parser.parse_args(["train", "--epochs", "3"]).epochs
    3
    """
    parser = add_command(commands, "train", "train a model", EXAMPLES)
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data", metavar="SOURCE", help="auto, cifar10, shapes10, or the path of a folder or archive (auto)"
    )
    data.add_argument("--validation", type=whole(), metavar="N", help="images set aside to choose by (1000)")
    data.add_argument("--train-images", type=whole(1), metavar="N", help="train on only so many images")
    data.add_argument("--test-images", type=whole(1), metavar="N", help="test on only so many images")
    data.add_argument(
        "--image-size", type=image_size, metavar="SIZE", help="bring pictures to this size: 32 or 48x64"
    )
    data.add_argument(
        "--augment", metavar="STEPS", help="standard, none, or mirror,crop4,cutout8,colour,jitter (standard)"
    )
    data.add_argument(
        "--preprocess", metavar="NAME", help="standardize, scale, mean-image, whiten ... (standardize)"
    )
    model = parser.add_argument_group("model")
    model.add_argument("--model", metavar="NAME", help="its name; `nnscratch models` lists them (small-alexnet)")
    model.add_argument("--width", metavar="N", help="filters of the first convolution (32; shapes10: 16)")
    model.add_argument("--norm", metavar="NAME", help="batch, lrn or none")
    model.add_argument("--activation", metavar="NAME", help="relu, leaky-relu, elu, gelu, tanh ...")
    model.add_argument("--pool", metavar="SIZE", help="pool size in pixels; for lenet: average or max")
    model.add_argument("--drop", metavar="SHARE", help="share of the units that dropout leaves out")
    model.add_argument(
        "--hidden", metavar="N,N", help="units of an mlp's hidden layers (100), or a char-rnn's (256)"
    )
    model.add_argument("--cell", metavar="NAME", help="for char-rnn: rnn, lstm or gru (lstm)")
    model.add_argument("--depth", metavar="N", help="for char-rnn: recurrent layers (1)")
    model.add_argument("--embed", metavar="N", help="for char-rnn: numbers per character (64)")
    model.add_argument("--order", metavar="NAME", help="of a resnet: post or pre (norms after or before)")
    model.add_argument("--layers", metavar="FILE", help="your own pairs in place of the built-in ones")
    learning = parser.add_argument_group("learning")
    learning.add_argument(
        "--epochs", type=whole(1), metavar="N", help="passes over the training images (10; shapes10: 6)"
    )
    learning.add_argument("--batch-size", type=whole(1), metavar="N", help="images per step (128; shapes10: 64)")
    learning.add_argument(
        "--length", type=whole(1), metavar="N", help="for char-rnn: characters per piece of text (64)"
    )
    learning.add_argument(
        "--optimizer", metavar="NAME", help="nesterov, momentum, sgd, adam, adamw ... (nesterov)"
    )
    learning.add_argument("--schedule", metavar="NAME", help="one-cycle, cosine, step:every=4 ... (one-cycle)")
    learning.add_argument(
        "--rate",
        type=real(),
        metavar="R",
        help="highest learning rate (by default it suits the model and the optimizer)",
    )
    learning.add_argument("--momentum", type=real(0, 1), metavar="M", help="momentum (0.9)")
    learning.add_argument(
        "--weight-decay", type=real(), metavar="D", help="weight decay, biases and norms spared (5e-4)"
    )
    learning.add_argument(
        "--label-smoothing", type=real(0, 1), metavar="S", help="share of the target spread out (0)"
    )
    learning.add_argument(
        "--clip-norm", type=real(), metavar="G", help="limit on the norm of the gradient; 0 for none"
    )
    where = parser.add_argument_group("device")
    add_device(where)
    where.add_argument(
        "--graph",
        action="store_true",
        default=None,
        help="replay a step on the GPU as a CUDA graph: the same bits",
    )
    where.add_argument(
        "--loss-every", type=whole(1), metavar="N", help="fetch losses from the GPU every so many steps (50)"
    )
    run = parser.add_argument_group("run")
    run.add_argument("--out", metavar="FOLDER", help="the run folder (runs/DATA-MODEL-1, -2 ...)")
    run.add_argument(
        "--resume", metavar="RUN", help="go on with this run, with the settings that it was started with"
    )
    run.add_argument("--quick", action="store_true", help="three epochs on 1000 images, to see that all works")
    run.add_argument("--seed", type=whole(), metavar="N", help="fixes all randomness (NNSCRATCH_SEED, else 0)")
    run.add_argument(
        "--threads", type=whole(1), metavar="N", help="threads to use (NNSCRATCH_THREADS, else all cores)"
    )
    run.add_argument("--checkpoint-every", type=whole(1), metavar="STEPS", help="save more often than every epoch")
    run.add_argument("--no-plots", action="store_true", help="draw no pictures at the end")
    parser.set_defaults(run=_run)


def _run(arguments):
    from nnscratch.cli.build import load_data, use_threads, user_layers

    names = (*recipes.DEFAULTS, *recipes.MODEL_OPTIONS)
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if arguments.resume:
        run = _reopen(arguments, given)
        if run.result:
            say(
                "complete",
                f"{run.path} has done all its epochs; to train longer, start a new run with more --epochs",
            )
            say("next", f"nnscratch evaluate {run.path}\nnnscratch plot {run.path}")
            return 0
        settings = recipes.going_on(run.settings, given)
    else:
        run = RunFolder(arguments.out or "")
        if arguments.out:
            run.check_free()
        settings = recipes.resolve(given, arguments.quick)
    use_threads(settings["threads"])
    device = on_device(settings["device"], settings["precision"])
    with Termination() as termination, device, user_layers(settings["layers"]) as pairs:
        data = load_data(settings)
        if arguments.resume:
            _same_data(run, data)
        else:
            settings = recipes.resolve(given, arguments.quick, data.name)
            run = run if arguments.out else RunFolder(free_folder(data.name, settings["model"]))
        return carry_out(run, settings, data, pairs, termination, plots=not arguments.no_plots)


def _reopen(arguments, given):
    """Open the run to go on with; refuse settings other than its own, and layers that have changed."""
    run = RunFolder.open(arguments.resume)
    if arguments.out and Path(arguments.out).resolve() != run.path.resolve():
        raise RunError(f"--out: {run.path} goes on in its own folder; leave --out away")
    if arguments.quick:
        raise RunError("--quick: a run goes on with its own settings; leave --quick away")
    recipes.refuse_changes(given, run.settings, run.path)
    layers = run.settings["layers"]
    if layers and checksum_of(layers) != run.config["layers_checksum"]:
        raise RunError(
            f"{layers} has changed or is gone since {run.path} was started: put it back as it was, or start "
            "a new run"
        )
    return run


def _same_data(run, data):
    from nnscratch.cli.build import facts_of

    before, now = run.config["data"], facts_of(data)
    if any(before[name] != now[name] for name in ("classes", "train", "checksum")):
        raise RunError(
            f"{run.path} was started on other images: {before['name']} ({before['note']}), "
            f"{before['train']:,} for training; now there is {now['name']} ({now['note']}), {now['train']:,}. "
            "Bring the old data back, or start a new run"
        )
