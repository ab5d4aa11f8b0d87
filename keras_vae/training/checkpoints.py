"""The state after each epoch, from which a training goes on as if it had never been interrupted."""

import contextlib
import hashlib
import json
import math
import re
import sys
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.errors import InputError
from keras_vae.files import make_folder, replace_durably, write_atomically
from keras_vae.memory import check_unpacked_size
from keras_vae.model import VAE
from keras_vae.runs import Pattern, read_record

__all__ = ["Checkpoint", "KeepBest", "best_epoch", "history_of", "latest_checkpoint", "restore"]

KEPT = 2  # checkpoints: the latest, and the one before, should the latest be damaged
NUMBERED = [{"epoch": int}]
COMPARED = [{"epoch": int, "val_reconstruction": float, "val_kl": float}]
TRAIN_ANEW = "train a new run"
SUM = "sha256"  # of all arrays, beside them
EARLIER = ".weights.h5"  # what version 0.2.0 wrote, by Keras, and without a sum


class Checkpoint(keras.callbacks.Callback):
    """Keep the whole state after each epoch: weights, optimizer, noise, and the history so far.

    Keras's `BackupAndRestore` keeps no history, takes a file in which a weight has changed for a whole one, and lets
    training wait. What an epoch leaves is summed, written and put on the disk while the next one is trained.

    Args:
        folder: for the latest checkpoints, `epoch-<n>.npz` and `epoch-<n>.json` with the history up to there.
        history_file: JSON, one object of logs for each epoch.
        finished: epochs that were trained before.
    """

    def __init__(self, folder: Path, history_file: Path, finished: int = 0) -> None:
        super().__init__()
        self.folder = folder
        self.history_file = history_file
        self.finished = finished
        self.history: list[dict[str, float]] = []
        self._settling: Future[None] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        make_folder(self.folder)
        if self.finished:
            self.history = history_of(self.folder, self.finished, NUMBERED)
            write_atomically(self.history_file, self._told())
        else:
            self._save(0)
            self._settle()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._settle()
        self.history.append({"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}})
        self._save(epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        self._settle()

    def close(self) -> None:
        """Wait until nothing is written any more, also where a training has ended by an exception."""
        if self._settling is not None and (error := self._settling.exception()) is not None:
            print(f"warning: the last checkpoint was not written ({error}).", file=sys.stderr, flush=True)

    def _save(self, epoch: int) -> None:
        path = self.folder / f"epoch-{epoch:05d}.npz"
        thread = ThreadPoolExecutor(max_workers=1)
        self._settling = thread.submit(self._keep, _state(self.model), path, self._told())
        thread.shutdown(wait=False)

    def _keep(self, state: Mapping[str, tf.Tensor], path: Path, history: str) -> None:
        write_atomically(_history_file(path), history)
        _write_state(state, path)
        for _, older in sorted(_numbered(self.folder, "epoch").items())[:-KEPT]:
            older.unlink()
            _history_file(older).unlink(missing_ok=True)
        if self.history:
            write_atomically(self.history_file, history)

    def _settle(self) -> None:
        if self._settling is not None:
            settling, self._settling = self._settling, None
            settling.result()

    def _told(self) -> str:
        return json.dumps(self.history, indent=1) + "\n"


class KeepBest(keras.callbacks.Callback):
    """End a training that no longer becomes better on the validation split, and keep the best epoch's weights.

    What is compared is `reconstruction + beta * kl` at the final beta, of the averaged weights: Keras's `EarlyStopping`
    would keep those that are not averaged, and knows no epochs from before a training was interrupted.

    Args:
        folder: for `best-<n>.npz`; where a training is resumed, that of its checkpoints.
        patience: epochs without a lower loss after which it ends.
        beta: the final weight of the KL.
        warmup: epochs in which beta grows; they are not counted.
        finished: epochs that were trained before.

    Attributes:
        has_ended: whether the training is over, after these epochs already where it was stopped since.
    """

    def __init__(self, folder: Path, patience: int, beta: float, warmup: float = 0.0, finished: int = 0) -> None:
        super().__init__()
        self.folder = folder
        self.patience = patience
        self.beta = beta
        self.warmup = warmup
        self.best_epoch, self.best_loss, self.has_ended = 0, math.inf, False
        self._recent: deque[int] = deque(maxlen=KEPT + 1)  # the best after each of the last epochs
        for row in history_of(folder, finished, COMPARED) if finished else []:
            self._compare(int(row["epoch"]), row)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self._compare(epoch + 1, logs):
            make_folder(self.folder)
            _write_state(_state(self.model), self._file(self.best_epoch))
            self._remove_all_but(*self._recent)  # which checkpoints of the epochs before this one still need
        self.model.stop_training = self.has_ended

    def on_train_end(self, logs: Any = None) -> None:
        if not _loads(self.model, self._file(self.best_epoch)):
            raise InputError(f"{self._file(self.best_epoch)} cannot be read: {TRAIN_ANEW}.")
        self._remove_all_but(self.best_epoch)
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        self.model.beta.assign(self.beta)

    def _compare(self, epoch: int, logs: dict[str, float]) -> bool:
        """Whether an epoch is the best so far."""
        loss = float(logs["val_reconstruction"]) + self.beta * float(logs["val_kl"])
        is_best = loss < self.best_loss
        if is_best:
            self.best_epoch, self.best_loss = epoch, loss
        self._recent.append(self.best_epoch)
        self.has_ended = epoch - max(self.best_epoch, math.ceil(self.warmup)) >= self.patience
        return is_best

    def _remove_all_but(self, *kept: int) -> None:
        for epoch, path in _numbered(self.folder, "best").items():
            if epoch not in kept:
                path.unlink()

    def _file(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch:05d}.npz"


def latest_checkpoint(folder: Path) -> tuple[int, Path | None]:
    """The number of finished epochs and the file that holds the state after them; 0 and None without a checkpoint."""
    paths = _numbered(folder, "epoch")
    return max(paths.items()) if paths else (0, None)


def best_epoch(folder: Path) -> int | None:
    """The epoch whose weights a training with a patience keeps; None where there are none."""
    return max(_numbered(folder, "best"), default=None)


def restore(model: VAE, folder: Path) -> int:
    """Load the latest checkpoint that is whole; one that is not is passed over, and said to be.

    Args:
        model: compiled as it was when the checkpoint was saved.
        folder: of the checkpoints.

    Returns:
        The number of epochs that it has had; 0 where there is no checkpoint.

    Raises:
        InputError: there are checkpoints, and none can be read.
    """
    paths = _numbered(folder, "epoch")
    for epoch, path in sorted(paths.items(), reverse=True):
        if _loads(model, path):
            return epoch
    if paths:
        raise InputError(f"None of the checkpoints in {folder} can be read: {TRAIN_ANEW}.")
    return 0


def history_of(folder: Path, finished: int, pattern: Pattern) -> list[dict[str, float]]:
    """Read the history that belongs to a checkpoint; earlier versions kept it beside the run alone.

    Args:
        folder: of the checkpoints, in that of their run.
        finished: the number of epochs that the checkpoint has had.
        pattern: what each of them must tell, as for `read_record`.

    Returns:
        The logs of each epoch.

    Raises:
        InputError: no file tells of all these epochs.
    """
    beside = folder.parent / "history.json"
    for path in (folder / f"epoch-{finished:05d}.json", beside):
        with contextlib.suppress(InputError):
            history = read_record(path, pattern, TRAIN_ANEW)[:finished]
            if [each["epoch"] for each in history] == list(range(1, finished + 1)):
                return history
    raise InputError(f"{beside} does not tell of the {finished} epochs that were trained: {TRAIN_ANEW}.")


def _loads(model: VAE, path: Path) -> bool:
    try:
        if path.name.endswith(EARLIER):
            model.load_weights(path)
        else:
            _read_state(model, path)
    except Exception as error:  # whatever numpy, h5py and Keras stumble over in a damaged file
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        print(f"warning: {path} cannot be read ({reason}).", file=sys.stderr, flush=True)
        return False
    return True


def _variables(model: VAE) -> dict[str, keras.Variable]:
    """All that training changes, by its place; the numbers in Keras's names are of how many models were made before."""
    variables = [*model.variables, *model.optimizer.variables]
    names = [re.sub("_[0-9]+", "", each.path).replace("/", "-") for each in variables]
    return {f"{at:04d}-{name}": each for at, (name, each) in enumerate(zip(names, variables, strict=True))}


def _state(model: VAE) -> dict[str, tf.Tensor]:
    """What all variables are now: tensors, which TensorFlow leaves as they are when a step changes the variables."""
    return {name: tf.convert_to_tensor(variable) for name, variable in _variables(model).items()}


def _write_state(state: Mapping[str, tf.Tensor], path: Path) -> None:
    arrays: dict[str, Any] = {name: np.asarray(tensor) for name, tensor in state.items()}
    arrays[SUM] = np.array(_digest(arrays))
    part = path.with_name(f".part-{path.name}")
    try:
        np.savez(part, **arrays)
        replace_durably(part, path)
    finally:
        part.unlink(missing_ok=True)


def _read_state(model: VAE, path: Path) -> None:
    check_unpacked_size(path)
    with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    found, variables = str(arrays.pop(SUM, "")), _variables(model)
    if found != _digest(arrays):
        raise ValueError("its SHA-256 sum is another")
    if {name: array.shape for name, array in arrays.items()} != {name: each.shape for name, each in variables.items()}:
        raise ValueError("it is of another model")
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the names and values of all arrays."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _numbered(folder: Path, kind: str) -> dict[int, Path]:
    """Files of weights by their epochs; others in the folder are the user's own."""
    name = re.compile(rf"{kind}-(\d{{5,}})(\.npz|{re.escape(EARLIER)})")
    found = {path: name.fullmatch(path.name) for path in folder.glob(f"{kind}-*")}
    return {int(match[1]): path for path, match in found.items() if match}


def _history_file(checkpoint: Path) -> Path:
    return checkpoint.with_name(checkpoint.name.partition(".")[0] + ".json")
