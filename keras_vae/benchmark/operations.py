"""Which operations the time of a training step goes to, by TensorFlow's profiler, for this project and plain Keras."""

from __future__ import annotations

import collections
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_vae.benchmark.peers.task import Network
from keras_vae.benchmark.peers_study import BATCH_SIZES, PEER_NETWORKS
from keras_vae.benchmark.processes import measured_in_child

__all__ = ["KINDS", "kind_of", "operation_table", "profiled_operations", "seconds_by_kind"]

PROGRAMS = {"this project": "this_project", "plain Keras": "keras_alone"}
KINDS = {
    "convolutions": ("Conv",),
    "matrix products": ("MatMul",),
    "compiled by XLA": ("Xla",),
    "bias and activation": ("Bias", "Relu", "Sigmoid", "Silu", "Swish"),
    "the optimizer": ("Assign", "ResourceApply", "Sqrt", "Square"),
}
OTHERS = "others"
# What only waits for others, whose time is theirs.
CONTAINERS = ("PartitionedCall", "While", "If", "Call", "Iterator", "Optional", "Fused graph")


def profiled_operations(images: np.ndarray, steps: int = 50) -> Iterator[tuple[Network, str, dict[str, float]]]:
    """Train each network by each program in a process of its own, and add up the time of its operations.

    Args:
        images: uint8 (n, h, w, 1).
        steps: that are profiled.

    Yields:
        The network, the program, and seconds a step of each kind of operation, all threads together.

    Raises:
        RuntimeError: a process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "images.npy")
        np.save(file, images)
        for network in PEER_NETWORKS:
            for program, module in PROGRAMS.items():
                size = min(BATCH_SIZES[network], len(images))
                found = measured_in_child(
                    "operations", network=network, module=module, images=str(file), batch_size=size, steps=steps
                )
                yield network, program, found


def operation_table(found: Iterator[tuple[Network, str, Mapping[str, float]]]) -> Iterator[str]:
    """Rows in Markdown: milliseconds a step of each kind of operation.

    Args:
        found: by `profiled_operations`.
    """
    kinds = [*KINDS, OTHERS]
    yield f"| network | program | {' | '.join(f'{kind}, ms' for kind in kinds)} | all, ms |"
    yield f"| --- | --- | {' | '.join('---:' for _ in kinds)} | ---: |"
    for network, program, seconds in found:
        cells = " | ".join(f"{1000 * seconds.get(kind, 0.0):.1f}" for kind in kinds)
        yield f"| {network} | {program} | {cells} | {1000 * sum(seconds.values()):.1f} |"


def kind_of(operation: str) -> str | None:
    """The kind that a type of operation belongs to; None where its time is that of others.

    Args:
        operation: such as `Conv2DBackpropInput`.
    """
    if any(part in operation for part in CONTAINERS):
        return None
    return next((kind for kind, parts in KINDS.items() if any(part in operation for part in parts)), OTHERS)


def seconds_by_kind(space: Any) -> dict[str, float]:
    """Add up what the profiler has recorded of the processor, by kind of operation.

    Args:
        space: TensorFlow's `XSpace`, whose events of operations are named `where/it/stands:Type`.
    """
    seconds: collections.Counter[str] = collections.Counter()
    for plane in space.planes:
        for line in plane.lines if "CPU" in plane.name else ():
            for event in line.events:
                place, colon, operation = plane.event_metadata[event.metadata_id].name.rpartition(":")
                is_operation = colon and operation.isidentifier() and not place.endswith(":")
                kind = kind_of(operation) if is_operation else None
                if kind is not None:
                    seconds[kind] += event.duration_ps / 1e12
    return dict(seconds)
