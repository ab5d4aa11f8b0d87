"""How training scales over machines: a model of a step, and what processes of this machine measure beside it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from keras_vae.benchmark.processes import environment

__all__ = [
    "INTERCONNECTS",
    "Interconnect",
    "LocalStep",
    "local_steps",
    "local_table",
    "predicted_table",
    "ring_seconds",
    "steps_factor",
]


@dataclass(frozen=True)
class Interconnect:
    """What machines talk over.

    Attributes:
        name: what a table calls it.
        bandwidth: bytes a second, in each direction at once.
        latency: seconds for a message.
    """

    name: str
    bandwidth: float
    latency: float


INTERCONNECTS = (
    Interconnect("1 Gbit/s, 100 us", 1e9 / 8, 100e-6),
    Interconnect("10 Gbit/s, 50 us", 10e9 / 8, 50e-6),
    Interconnect("100 Gbit/s, 5 us", 100e9 / 8, 5e-6),
)
WORKERS = (1, 8, 64, 512)


@dataclass(frozen=True)
class LocalStep:
    """What a step took where processes of this machine trained together.

    Attributes:
        workers: processes; each has one core, which others share where there are more processes than cores.
        step: seconds.
        reduction: seconds of adding up so many bytes as the gradients have, alone.
        gradient_bytes: of one worker.
    """

    workers: int
    step: float
    reduction: float
    gradient_bytes: int


def ring_seconds(workers: int, size: float, interconnect: Interconnect) -> float:
    """Seconds to add up what each worker has, around a ring (Patarasuk & Yuan 2009).

    Every worker sends `2 (n - 1)` messages of an n-th of the bytes.

    Args:
        workers: n, at least 1.
        size: bytes of each.
        interconnect: what they talk over.
    """
    return 2 * (workers - 1) * (size / workers / interconnect.bandwidth + interconnect.latency)


def steps_factor(batch: float, critical_batch: float) -> float:
    """How many steps a training takes, in those of a batch without end (McCandlish et al. 2018, section 2.3)."""
    return 1 + critical_batch / batch


def predicted_table(
    step: float, batch: int, gradient_bytes: float, critical_batch: float, workers: Sequence[int] = WORKERS
) -> Iterator[str]:
    """Rows in Markdown for each interconnect and number of workers, each of which has a batch of its own.

    Efficiency is the share of a step that is not waiting: nothing is computed while gradients are added up. The last
    column says how much sooner a training is done than with one worker: more images a second, but more of them to the
    same loss the more a batch is above the critical one.

    Args:
        step: seconds of a step of one worker.
        batch: images of each worker's step.
        gradient_bytes: of one worker.
        critical_batch: images.
        workers: numbers of them.
    """
    yield "| network | workers | batch | images/s | efficiency | steps to the same loss | times as fast done |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for interconnect in INTERCONNECTS:
        alone = step * steps_factor(batch, critical_batch)
        for count in workers:
            seconds = step + ring_seconds(count, gradient_bytes, interconnect)
            share = steps_factor(count * batch, critical_batch) / steps_factor(batch, critical_batch)
            whole = seconds * steps_factor(count * batch, critical_batch)
            yield (
                f"| {interconnect.name} | {count:,} | {count * batch:,} | {count * batch / seconds:,.0f} | "
                f"{step / seconds:.2f} | {share:.2f} | {alone / whole:.1f} |"
            )


def local_steps(workers: Sequence[int], batch: int = 500, steps: int = 20) -> Iterator[LocalStep]:
    """Let processes of this machine train the default network together, and measure.

    Args:
        workers: numbers of processes.
        batch: images of each worker's step.
        steps: in each of three rounds, of which the median counts.

    Raises:
        RuntimeError: a process failed.
    """
    for count in workers:
        addresses = _free_addresses(count)
        with ExitStack() as stack:
            processes = [
                stack.enter_context(_worker(addresses, index, [str(batch), str(steps)])) for index in range(count)
            ]
            outputs = [process.communicate()[0] for process in processes]
            if any(process.returncode for process in processes):
                raise RuntimeError(f"One of {count} workers failed.")
        yield LocalStep(count, **json.loads(outputs[0].splitlines()[-1]))


def local_table(measured: Sequence[LocalStep], cores: int | None = None) -> Iterator[str]:
    """Rows in Markdown: what was measured, beside the model.

    The model takes the step of one process, as often as processes share a core, and the ring's time, whose bandwidth is
    that which two processes had: of more it knows nothing.
    """
    cores = cores or len(os.sched_getaffinity(0))
    of_two = next((each.reduction for each in measured if each.workers == 2), 0.0)
    yield (
        "| processes | step, ms | adding up the gradients alone, ms | by the ring, ms | step by the model, ms | "
        "measured by predicted |"
    )
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for each in measured:
        ring = 2 * (each.workers - 1) / each.workers * of_two
        predicted = measured[0].step * max(1.0, each.workers / cores) + ring
        yield (
            f"| {each.workers} | {1000 * each.step:.1f} | {1000 * each.reduction:.1f} | {1000 * ring:.1f} | "
            f"{1000 * predicted:.1f} | {each.step / predicted:.2f} |"
        )


def _free_addresses(count: int) -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def _worker(addresses: list[str], index: int, arguments: list[str]) -> subprocess.Popen[str]:
    task = {"type": "worker", "index": index}
    return subprocess.Popen(
        [sys.executable, "-m", "keras_vae.benchmark.worker", *arguments],
        env=environment(TF_CONFIG=json.dumps({"cluster": {"worker": addresses}, "task": task})),
        stdout=subprocess.PIPE,
        text=True,
    )
