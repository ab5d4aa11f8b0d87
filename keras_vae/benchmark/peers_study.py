"""Training throughput of this project beside that of others: each in a process of its own, measured in turn."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_vae.benchmark.peers.task import Network, Settings
from keras_vae.benchmark.processes import environment

__all__ = ["BATCH_SIZES", "PEERS", "PEER_NETWORKS", "Peer", "PeerSpeed", "peer_speeds", "peer_table"]

PEER_NETWORKS: dict[Network, str] = {
    "example": "The network of Keras's VAE example",
    "default": "That of the default preset",
}
BATCH_SIZES: dict[Network, int] = {"example": 128, "default": 500}
WARM_STEPS = 20


@dataclasses.dataclass(frozen=True)
class Peer:
    """A program that trains one of the networks.

    Attributes:
        name: what a table calls it.
        module: in `keras_vae.benchmark.peers`.
        variant: how it computes, where the module knows several ways.
        networks: those that it is measured with.
    """

    name: str
    module: str
    variant: str = ""
    networks: tuple[Network, ...] = ("example", "default")


BACKENDS = {"TensorFlow": "tensorflow", "JAX": "jax", "PyTorch": "torch"}

# The first one for a network is what the others are compared with.
PEERS = (
    Peer("this project", "this_project"),
    Peer("this project, bfloat16", "this_project", "bfloat16", ("example",)),
    Peer("this project, float32", "this_project", "float32", ("default",)),
    Peer("this project, all of the preset", "this_project", "preset", ("default",)),
    Peer("Keras, defaults of compile", "keras_alone"),
    *(Peer(f"keras.ops on {name}", "any_backend", backend) for name, backend in BACKENDS.items()),
    Peer("PyTorch, eager", "pytorch"),
    Peer("PyTorch, torch.compile", "pytorch", "compiled"),
    Peer("JAX with Flax", "jax_flax"),
)


class PeerSpeed(NamedTuple):
    """What a peer came to.

    Attributes:
        peer: which.
        version: of what it computes with; why it did not, where it has no speeds.
        speeds: images a second of each round.
    """

    peer: Peer
    version: str
    speeds: list[float]


def peer_speeds(
    network: Network,
    images: np.ndarray,
    peers: Sequence[Peer] = PEERS,
    *,
    seconds: float = 2.5,
    rounds: int = 5,
    seed: int = 0,
    threads: int | None = None,
) -> list[PeerSpeed]:
    """Images per second of training, what compiles left out, for several programs in turn.

    All have the same images, batches, seed and threads, and as many weights. The rounds go through all of them, one at
    a time, so that a machine that slows down meanwhile slows all.

    Args:
        network: which one they train.
        images: uint8 (n, h, w, 1).
        peers: the programs; those of another network are left out.
        seconds: how long each is measured in a round, roughly.
        rounds: how often.
        seed: of weights, order and noise.
        threads: processor threads; None takes as many as there are cores.

    Raises:
        RuntimeError: a peer has a network of another size.
    """
    threads = threads or len(os.sched_getaffinity(0))
    batch_size = min(BATCH_SIZES[network], len(images))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        np.save(Path(folder, "images.npy"), images)
        settings = Settings(network, str(Path(folder, "images.npy")), batch_size, seed, threads)
        started = [
            stack.enter_context(_started(peer, settings, Path(folder))) for peer in peers if network in peer.networks
        ]
        ready = [each for each in started if each.weights]
        if len({each.weights for each in ready}) > 1:
            raise RuntimeError(f"The peers differ: { ({each.peer.name: each.weights for each in ready}) }.")
        steps = {each: max(1, round(WARM_STEPS * seconds / each.train(WARM_STEPS))) for each in ready}
        for _ in range(rounds):
            for each in ready:
                each.speeds.append(steps[each] * batch_size / each.train(steps[each]))
    return [PeerSpeed(each.peer, each.version, each.speeds) for each in started]


def peer_table(results: Sequence[PeerSpeed]) -> Iterator[str]:
    """Rows in Markdown: speed, and how many times as fast the first one is, round by round."""
    first = results[0]
    rounds = max(len(each.speeds) for each in results)
    yield f"| training | images/s | {first.peer.name} is as fast, times: median ({rounds} rounds) | with |"
    yield "| --- | ---: | ---: | --- |"
    for each in results:
        if not each.speeds:
            yield f"| {each.peer.name} | {each.version} | | |"
            continue
        ratios = [ours / theirs for ours, theirs in zip(first.speeds, each.speeds, strict=False)]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else ""
        shown = "" if each is first else ratio
        yield f"| {each.peer.name} | {statistics.median(each.speeds):,.0f} | {shown} | {each.version} |"


class _Process:
    """A peer that waits to be told a number of steps."""

    def __init__(self, peer: Peer, process: subprocess.Popen[str], errors: Path) -> None:
        self.peer, self.speeds = peer, list[float]()
        self._process, self._errors = process, errors
        answer = self._answer()
        self.weights = int(answer.get("weights", 0))
        if not answer:
            self.version = self._failure()
        else:
            self.version = str(answer.get("version") or f"not installed ({answer['missing']})")

    def train(self, steps: int) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        answer = self._answer()
        if not answer:
            raise RuntimeError(f"{self.peer.name}: {self._failure()}")
        return float(answer["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return dict(json.loads(line)) if line else {}

    def _failure(self) -> str:
        self._process.wait()
        lines = self._errors.read_text(errors="replace").split("\n")
        return f"failed: {next((line.strip() for line in reversed(lines) if line.strip()), 'without a word')[:200]}"


@contextlib.contextmanager
def _started(peer: Peer, settings: Settings, folder: Path) -> Iterator[_Process]:
    """A peer that has compiled; it ends with the block."""
    name = f"{peer.module}-{peer.variant}"
    told, errors = folder / f"{name}.json", folder / f"{name}.txt"
    dataclasses.replace(settings, variant=peer.variant).write(told)
    with (
        errors.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-m", "keras_vae.benchmark.peers", peer.module, str(told)],
            env=environment(OMP_NUM_THREADS=str(settings.threads)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        ) as process,
    ):
        try:
            yield _Process(peer, process, errors)
        finally:
            process.kill()
