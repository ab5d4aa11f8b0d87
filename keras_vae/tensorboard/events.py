"""What TensorBoard's event files hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

__all__ = ["EVENT_FILES", "read_events"]

EVENT_FILES = "events.out.tfevents.*"


def read_events(path: Path) -> Iterator[Any]:
    """Read an event file, whose last record may be cut off where its writer was killed.

    Args:
        path: one of `EVENT_FILES`.

    Yields:
        Each whole event, a `tf.compat.v1.Event`.

    Raises:
        DataLossError: a record was changed.
    """
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            yield tf.compat.v1.Event.FromString(record.numpy())
    except tf.errors.DataLossError as error:
        if "truncated" not in str(error):
            raise
