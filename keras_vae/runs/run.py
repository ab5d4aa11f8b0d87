"""A training run on disk: two folders, and the files in them."""

import contextlib
import difflib
import errno
import fcntl
import json
import re
import shlex
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_vae.errors import InputError
from keras_vae.files import (
    clear_leftovers,
    files_below,
    make_folder,
    replace_durably,
    temporary_folder,
    typed_command,
    write_atomically,
)
from keras_vae.formats import as_named_today
from keras_vae.runs.config import TrainConfig
from keras_vae.runs.records import check_record, read_record

__all__ = ["Run"]

LONGEST_NAME = 200  # letters: the names of temporary files, which have more, may have 255

# What the files hold of which others read something.
_SPLIT = {"images": int, "reconstruction": float, "kl": float, "elbo": float}
SUMMARY = {
    "splits": {"validation": _SPLIT, "test": _SPLIT},
    "epochs": int,
    "training_images": int,
    "seconds": float,
    "images_per_second": float,
    "steps": int,
    "parameters": int,
    "compute": str,
    "machine": {"processor": str, "system": str},
    "versions": {str: str},
    "commit?": (str, None),
}
HISTORY = [{"epoch": int, "elbo": float, "kl": float, "val_elbo?": float}]
MODEL = {"image_shape": [int], "latent_dim": int, "network": str, "widths": [int], "likelihood": str}
DATA = "data"  # in a run's folder: the images that it was given as arrays
TRAIN_ANEW = "train a new run"


class _TakenError(InputError):
    """There is a run of this name."""


@dataclass(frozen=True)
class Run:
    """The folders of one run: `<root>/logs/<name>` for TensorBoard, `<root>/saved_models/<name>` for everything else.

    Attributes:
        name: letters, digits, `_`, `.` and `-`.
        root: the folder that holds `logs` and `saved_models`.
    """

    name: str
    root: Path

    @classmethod
    def create(
        cls,
        config: TrainConfig,
        name: str | None = None,
        root: Path | str = ".",
        fill: Callable[[Path], None] | None = None,
    ) -> "Run":
        """Make the folders of a new run and save its configuration.

        Args:
            config: what will be trained.
            name: None takes the preset's name, with a number if that is taken.
            root: where to keep the run.
            fill: writes what else the run cannot be without into the folder, before that gets its name.

        Raises:
            InputError: the name is taken, or has characters that TensorBoard does not show.
        """
        root = Path(root).resolve()
        while name is None:
            with contextlib.suppress(_TakenError):  # by a run that was begun at the same moment
                return cls.create(config, _free_name(config.preset, root), root, fill)
        cls.check_name(name)
        run = cls(name, root)
        if run.logs.parent.exists() and not run.logs.parent.is_dir():
            raise InputError(f"{run.logs.parent} is a file, and logs have no place: remove it, or give another --root.")
        if run.logs.exists() and not run.folder.exists():
            raise InputError(f"{run.logs} is left over from another run: remove it, or give another --run.")
        taken = _TakenError(
            f"A run named {name!r} exists already in {run.folder.parent}: "
            f"give another --run, or go on with it by --resume --run {name}."
        )
        try:
            make_folder(run.folder.parent)
            clear_leftovers(run.folder.parent.glob(".*"))
            # Whoever sees the folder finds its configuration and images: without them, it could not be resumed.
            with temporary_folder(run.folder) as temporary:
                begun = Path(temporary, name)
                write_atomically(begun / "config.json", config.to_json())
                if fill:
                    fill(begun)
                replace_durably(begun, run.folder)  # over an empty folder, but not over another run
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR) and run.folder.exists():
                raise taken from None
            raise InputError(f"Cannot make {run.folder}: {error.strerror}. Choose another --root.") from error
        return run

    @staticmethod
    def check_name(name: str) -> None:
        """See that a new run can have a name.

        Raises:
            InputError: it has characters that TensorBoard does not show, or too many.
        """
        if len(name) > LONGEST_NAME:
            raise InputError(f"--run {name[:20]!r}... has {len(name)} letters: give a name of {LONGEST_NAME} at most.")
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise InputError(f"--run {name!r} cannot name a run: use letters, digits, '_', '.' and '-' only.")

    @classmethod
    def open(cls, name: str, root: Path | str = ".") -> "Run":
        """Find a run by its name, or by the path of its folder.

        Raises:
            InputError: there is no such run; the message names the nearest ones.
        """
        run = cls.named(name, root)
        if not run.is_begun:
            known = sorted(path.parent.name for path in run.folder.parent.glob("*/config.json"))
            near = difflib.get_close_matches(run.name, known, n=3, cutoff=0.3) or known[:3]
            hint = f"the nearest are {', '.join(near)}" if near else f"there are none yet: {typed_command('train')}"
            raise InputError(f"There is no run {run.name!r} in {run.folder.parent}; {hint}.")
        return run

    @classmethod
    def named(cls, name: str, root: Path | str = ".") -> "Run":
        """The run of a name, or of the path of a folder, whether there is such a run or not.

        Raises:
            InputError: it is the path of something else.
        """
        folder = Path(name)
        if folder.parent.name == "saved_models":
            root = folder.parent.resolve().parent
        elif len(folder.parts) > 1:
            raise InputError(f"{name!r} names no run: give its name, or the path of its folder in saved_models.")
        return cls(folder.name, Path(root).resolve())

    @property
    def folder(self) -> Path:
        """Where models, pictures and numbers are kept."""
        return self.root / "saved_models" / self.name

    @property
    def logs(self) -> Path:
        """What TensorBoard reads."""
        return self.root / "logs" / self.name

    @property
    def figures(self) -> Path:
        """Pictures as PNG files."""
        return self.folder / "figures"

    @property
    def data(self) -> Path:
        """The images that the run was given as arrays; a data set that has a name stays where it is."""
        return self.folder / DATA

    @property
    def checkpoints(self) -> Path:
        """The state after the last epoch: where an interrupted training goes on, and a finished one is prolonged."""
        return self.folder / "checkpoints"

    @property
    def model_file(self) -> Path:
        """The trained model in Keras's format."""
        return self.folder / "vae.keras"

    @property
    def saved_model(self) -> Path:
        """The trained model as a TensorFlow SavedModel."""
        return self.folder / "saved_model"

    @property
    def weights_file(self) -> Path:
        """The file that the weights are in: that of the Keras format, or the SavedModel's where there is none."""
        in_saved_model = self.saved_model / "variables" / "variables.data-00000-of-00001"
        return in_saved_model if in_saved_model.is_file() and not self.model_file.is_file() else self.model_file

    @property
    def is_begun(self) -> bool:
        """Whether there is such a run at all."""
        try:
            return bool(self.name.strip(".")) and (self.folder / "config.json").is_file()
        except (OSError, ValueError):  # no folder can have this name
            return False

    @property
    def has_weights(self) -> bool:
        """Whether anything was trained."""
        return self.weights_file.is_file()

    @property
    def is_finished(self) -> bool:
        """Whether the training came to its end."""
        return self.has_weights and (self.folder / "training.json").is_file()

    @property
    def summary(self) -> dict[str, Any]:
        """What `training.json` holds of a finished training.

        Raises:
            InputError: the file is damaged.
        """
        return dict(read_record(self.folder / "training.json", SUMMARY, TRAIN_ANEW))

    @property
    def history(self) -> list[dict[str, float]]:
        """What `history.json` holds of each epoch.

        Raises:
            InputError: the file is damaged.
        """
        return list(read_record(self.folder / "history.json", HISTORY, TRAIN_ANEW))

    @property
    def model_config(self) -> dict[str, Any]:
        """The arguments that the trained model was made with.

        Raises:
            InputError: the file of the model is damaged.
        """
        if not self.model_file.is_file():
            return as_named_today(read_record(self.saved_model / "assets.extra" / "vae.json", MODEL, TRAIN_ANEW))
        try:
            with zipfile.ZipFile(self.model_file) as archive:
                content = json.loads(archive.read("config.json"))
        except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(f"{self.model_file} is not a model that can be loaded ({error}): {TRAIN_ANEW}.") from error
        check_record(self.model_file, content, {"config": MODEL}, TRAIN_ANEW)
        return as_named_today(content["config"])

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """`(h, w, c)` of the images that the model takes; None where there is no model yet, or a damaged one."""
        try:
            return tuple(self.model_config["image_shape"]) if self.has_weights else None
        except InputError:
            return None

    @property
    def config(self) -> TrainConfig:
        """The configuration that the run was started with.

        Raises:
            InputError: the file is damaged.
        """
        path = self.folder / "config.json"
        try:
            return TrainConfig.from_json(path.read_bytes())
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}): {TRAIN_ANEW}.") from error
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def train_options(self, training_images: int | None = None) -> list[str]:
        """The options of the command `train` that make such a run again; arrays are named by where they are kept.

        Args:
            training_images: their number; None takes it from `training.json`, where a training has ended.

        Raises:
            InputError: the configuration cannot be read.
        """
        config = self.config
        if self.data.is_dir():  # arrays have no other name
            config = config.replace(dataset=str(self.data.relative_to(self.root)))
        if training_images is None and self.is_finished:
            with contextlib.suppress(InputError):  # a record that is damaged is named by what shows its figures
                training_images = self.summary["training_images"]
        return config.command_options(self.image_shape, training_images)

    @property
    def resume_command(self) -> str:
        """The command line that goes on with the run."""
        return f"{typed_command('train')} --resume --run {self.typed}"

    @property
    def typed(self) -> str:
        """The run as a command takes it here, with its root where that is another folder."""
        return self.name if self.root == Path.cwd() else f"{self.name} --root {shlex.quote(str(self.root))}"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process train the run meanwhile.

        Raises:
            InputError: another one does.
        """
        try:
            lock = (self.folder / ".lock").open("w")
        except FileNotFoundError:
            raise InputError(f"There is no run {self.name!r} any more.") from None
        with lock:  # which the system gives back whatever ends the process
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"Run {self.name!r} is being trained by another process: wait for its end.") from None
            self.clear_leftovers(alone=True)
            try:
                yield
            finally:
                self.clear_leftovers(alone=True)

    def clear_leftovers(self, *, alone: bool = False) -> None:
        """Remove what processes left that were killed while they wrote to the run; `alone` as for files."""
        clear_leftovers([*files_below(self.folder), *files_below(self.logs)], alone=alone)

    def write(self, name: str, content: str | bytes | Mapping[str, Any] | list[Any]) -> Path:
        """Write a file into the run's folder, atomically; mappings and lists as JSON."""
        if isinstance(content, (Mapping, list)):
            content = json.dumps(content, indent=2) + "\n"
        return write_atomically(self.folder / name, content)


def _free_name(wanted: str, root: Path) -> str:
    name, number = wanted, 1
    while (root / "saved_models" / name).exists() or (root / "logs" / name).exists():
        number += 1
        name = f"{wanted}-{number}"
    return name
