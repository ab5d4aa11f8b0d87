"""How long Keras's `fit` takes for an epoch."""

from __future__ import annotations

import time
from typing import Any

import keras

__all__ = ["Clock"]


class Clock(keras.callbacks.Callback):
    """Measures an epoch, without what `fit` prepares before it.

    Attributes:
        seconds: of the last epoch.
    """

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds = time.perf_counter() - self._start
