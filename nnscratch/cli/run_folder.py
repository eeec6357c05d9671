"""A run folder: where a training run keeps its config.json, history.csv, checkpoint, plots and result.json."""

import hashlib
import json
import re
import warnings
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nnscratch import __version__

FORMAT = "nnscratch run"
VERSION = 1


class RunError(ValueError):
    """A folder that holds no run, one that cannot be read, or one that is already taken."""


class RunFolder:
    """The folder of one run; `config` is what config.json holds: settings, data and the versions that made it.

    >>> RunFolder("runs/first").checkpoint.as_posix()
    'runs/first/checkpoint'
    """

    def __init__(self, path: Path | str, config: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.config = config or {}

    @property
    def checkpoint(self) -> Path:
        """The folder of the last checkpoint."""
        return self.path / "checkpoint"

    @property
    def history(self) -> Path:
        """The table of figures per epoch."""
        return self.path / "history.csv"

    @property
    def plots(self) -> Path:
        """The folder of the pictures."""
        return self.path / "plots"

    @property
    def result(self) -> dict[str, Any] | None:
        """What result.json holds; None as long as the run is not complete."""
        path = self.path / "result.json"
        return _read_json(path, self.path) if path.exists() else None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the run was started with."""
        return self.config["settings"]

    @property
    def has_checkpoint(self) -> bool:
        """Whether anything has been saved yet."""
        return (self.checkpoint / "checkpoint.json").exists()

    def create(self) -> None:
        """Make the folder and write config.json; raises RunError where something is there already.

        >>> import tempfile
        >>> run = RunFolder(Path(tempfile.mkdtemp(), "first"), {"settings": {"epochs": 3}})
        >>> run.create()
        >>> RunFolder.open(run.path).settings
        {'epochs': 3}
        """
        self.check_free()
        about = {"format": FORMAT, "version": VERSION, "nnscratch": __version__}
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.write("config.json", {**about, **self.config})
        except OSError as error:
            raise RunError(
                f"the run folder {self.path} cannot be written: {error.strerror}; allow writing there or make "
                "room, or choose another --out"
            ) from error

    def check_free(self) -> None:
        """Raise RunError unless the folder is missing or empty: a run is never overwritten."""
        if (self.path / "config.json").exists():
            raise RunError(
                f"{self.path} holds a run already: go on with it, nnscratch train --resume {self.path}, "
                "or choose another --out"
            )
        if self.path.is_file() or (self.path.is_dir() and any(self.path.iterdir())):
            raise RunError(f"{self.path} is there already and is not empty: choose another --out")

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file into the folder, whole or not at all."""
        from nnscratch.training.atomic import write_atomically

        write_atomically(self.path / name, (json.dumps(content, indent=2) + "\n").encode())

    @classmethod
    def open(cls, path: Path | str) -> "RunFolder":
        """Read the config of a run; raises RunError with the remedy where there is none."""
        path = Path(path)
        if not path.is_dir():
            raise RunError(f"there is no run folder {path}: {_known_runs(path)}")
        if not (path / "config.json").exists():
            raise RunError(f"{path} holds no run, for it has no config.json: {_known_runs(path)}")
        config = _read_json(path / "config.json", path)
        if not isinstance(config, dict) or config.get("format") != FORMAT:
            raise RunError(f"{path}/config.json was not written by nnscratch: {_known_runs(path)}")
        if config.get("version") != VERSION:
            raise RunError(
                f"{path} has version {config.get('version')} of the run format, this nnscratch reads {VERSION}: "
                "use the version of nnscratch that wrote it"
            )
        if not isinstance(config.get("settings"), dict) or "settings" not in config:
            raise RunError(f"{path}/config.json is damaged, it holds no settings: train again")
        return cls(path, config)

    def layers(self) -> str | None:
        """Return the file of layers that the run was trained with, None without; warn if it has changed."""
        path = self.settings.get("layers")
        if path and checksum_of(path) not in (None, self.config.get("layers_checksum")):
            warnings.warn(f"{path} has changed since {self.path} was trained with it", stacklevel=2)
        return path

    def check_fits(self, data: Any) -> None:
        """Raise RunError unless a Dataset has the classes and the shape of image that this run has learnt."""
        about = self.config["data"]
        if data.classes != about["classes"]:
            raise RunError(
                f"{self.path} knows the classes {_listed(about['classes'])}, these data have "
                f"{_listed(data.classes)}: give --data with the same classes"
            )
        if list(data.image) != about["image"]:
            raise RunError(
                f"{self.path} knows images of {about['image']} (C, H, W), these data have {list(data.image)}: "
                "give --data with images of that shape, or a folder or archive of pictures"
            )


def checksum_of(path: Path | str | None) -> str | None:
    """Return the SHA-256 of a file; None where there is no such file.

    >>> checksum_of("no/such/file.py") is None
    True
    """
    if path is None or not Path(path).is_file():
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def free_folder(data: str, model: str, parent: Path | str = "runs") -> Path:
    """Return the first folder `parent/DATA-MODEL-1`, `-2` ... that is not there yet.

    >>> free_folder("CIFAR-10, JPEG copy", "mlp", "no-such-folder").as_posix()
    'no-such-folder/cifar-10-mlp-1'
    """
    word = re.sub(r"[^a-z0-9]+", "-", data.partition(",")[0].lower()).strip("-") or "data"
    number = 1
    while (path := Path(parent) / f"{word}-{model}-{number}").exists():
        number += 1
    return path


def _read_json(path, run):
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        raise RunError(
            f"{path} is cut off or is no JSON: put a copy of it back, or train again (the weights in "
            f"{run / 'checkpoint'} are not touched)"
        ) from None


def _known_runs(path):
    """Say where runs are: the nearest name below runs/, or how to make one."""
    runs = sorted(config.parent.as_posix() for config in Path("runs").glob("*/config.json"))
    if not runs:
        return "give the folder of a run, or make one with nnscratch train"
    near = get_close_matches(path.as_posix(), runs, n=1, cutoff=0.4)
    opening = f"did you mean {near[0]}? The" if near else "the"
    return f"{opening} runs here are {_listed(runs)}"


def _listed(names):
    return ", ".join(names[:12]) + (f" ... ({len(names)} in all)" if len(names) > 12 else "")
