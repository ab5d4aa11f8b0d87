"""A process whose memory or start is measured: `python -m keras_vae.benchmark.child KIND OPTIONS`."""

from __future__ import annotations

import contextlib
import json
import runpy
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["main"]

STATUS = Path("/proc/self/status")
BETWEEN_LOOKS = 0.02  # seconds
OWN_PAGES = ("RssAnon:", "RssShmem:")


def main(kind: str, options: dict[str, Any]) -> None:
    """Do what is to be measured, and print what it took as JSON."""
    works: dict[str, Callable[..., dict[str, Any]]] = {
        "train": _train,
        "encode": _encode,
        "evaluate": _evaluate,
        "explore": _explore,
        "first_step": _first_step,
        "operations": _operations,
        "profile": _profile,
    }
    print(json.dumps(works[kind](**options)))


def _train(dataset: str, steps: int, memory_budget: int) -> dict[str, Any]:
    with _watched() as peak:
        from keras_vae.benchmark.peers.clock import Clock
        from keras_vae.runs import TrainConfig, open_data
        from keras_vae.training import compiled_model

        config = TrainConfig(dataset=dataset, memory_budget=memory_budget)
        data = open_data(config)
        config = config.replace(batch_size=min(config.batch_size, data.counts["train"]))
        clock = Clock()
        compiled_model(config, data).fit(
            data.training_batches(config.batch_size, seed=0, varied_epochs=config.varied_epochs),
            steps_per_epoch=steps,
            epochs=2,  # of which the second has compiled
            callbacks=[clock],
            shuffle=False,
            verbose=0,
        )
    speed = steps * config.batch_size / clock.seconds
    return {"images": sum(data.counts.values()), "peak": max(peak), "speed": f"{speed:,.0f}"}


def _encode(dataset: str, steps: int, memory_budget: int) -> dict[str, Any]:
    del steps
    with _watched() as peak, tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        import numpy as np
        import tensorflow as tf

        from keras_vae.encoding import EncodingConfig, encode_collection
        from keras_vae.model import VAE, save_model
        from keras_vae.runs import Run, TrainConfig

        config = TrainConfig(dataset=dataset, memory_budget=memory_budget)
        run = Run.create(config, "encoder", folder)
        model = VAE((28, 28, 1), config.latent_dim, widths=config.widths)
        save_model(model, run.model_file)
        done = encode_collection(run, None, Path(folder, "out"), EncodingConfig())
        pixels = np.zeros((500, 28, 28, 1), np.uint8)
        encode = tf.function(lambda images: model.encode(tf.cast(images, tf.float32) / 255.0), autograph=False)
        encode(pixels)
        batches = max(1, min(done.images, 50_000) // len(pixels))
        start = time.perf_counter()
        for _ in range(batches):
            mean, _ = encode(pixels)
        mean.numpy()
        alone = batches * len(pixels) / (time.perf_counter() - start)
    speed = done.images / done.seconds
    return {"images": done.images, "peak": max(peak), "speed": f"{speed:,.0f}, {speed / alone:.2f} of the encoder's"}


def _evaluate(dataset: str, steps: int, memory_budget: int) -> dict[str, Any]:
    def evaluate(run: Any) -> None:
        from keras_vae.evaluation import EvaluationConfig, evaluate

        evaluate(run, EvaluationConfig(importance_samples=1, features="none"))  # noise has no features to learn

    return _studied(dataset, memory_budget, evaluate)


def _explore(dataset: str, steps: int, memory_budget: int) -> dict[str, Any]:
    def explore(run: Any) -> None:
        from keras_vae.latent_space import ExplorationConfig, explore

        explore(run, ExplorationConfig(pairs=2, repeats=2))

    return _studied(dataset, memory_budget, explore)


def _studied(dataset: str, memory_budget: int, study: Callable[[Any], None]) -> dict[str, Any]:
    """Look at the test images by a run that nobody trained."""
    with _watched() as peak, tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        from keras_vae.model import VAE, save_model
        from keras_vae.runs import Run, TrainConfig, open_data

        config = TrainConfig.from_preset("quick", dataset=dataset, memory_budget=memory_budget)
        run = Run.create(config, "studied", folder)
        save_model(VAE((28, 28, 1), config.latent_dim, widths=config.widths), run.model_file)
        run.write("history.json", "[]")
        start = time.perf_counter()
        study(run)
        seconds = time.perf_counter() - start
        images = open_data(config).counts["test"]
    return {"images": images, "peak": max(peak), "speed": f"{images / seconds:,.0f}"}


def _first_step() -> dict[str, Any]:
    """Begin a training by its command, and stop it after two executions of its graph."""
    import keras

    lengths: list[float] = []
    begun = 0.0

    def on_train_batch_begin(self: Any, batch: int, logs: Any = None) -> None:
        nonlocal begun
        begun = time.perf_counter()

    def on_train_batch_end(self: Any, batch: int, logs: Any = None) -> None:
        lengths.append(time.perf_counter() - begun)
        if len(lengths) == 2:
            raise SystemExit

    callbacks = keras.callbacks.CallbackList
    callbacks.on_train_batch_begin, callbacks.on_train_batch_end = on_train_batch_begin, on_train_batch_end
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.suppress(SystemExit),
        contextlib.redirect_stdout(sys.stderr),
    ):
        _command(["train", "--root", folder])
    return {"compilation": lengths[0] - lengths[1]}


def _operations(network: Any, module: str, images: str, batch_size: int, steps: int) -> dict[str, Any]:
    """Profile some steps of a program, by the protocol of the peers."""
    import importlib
    import os

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        import tensorflow as tf
        from tensorflow.tsl.profiler.protobuf import xplane_pb2

        from keras_vae.benchmark.operations import seconds_by_kind
        from keras_vae.benchmark.peers.task import Settings

        settings = Settings(network, images, batch_size, 0, len(os.sched_getaffinity(0)))
        ready = importlib.import_module(f"keras_vae.benchmark.peers.{module}").make(settings)
        ready.train(steps)
        tf.profiler.experimental.start(folder)
        ready.train(steps)
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    return {kind: seconds / steps for kind, seconds in seconds_by_kind(space).items()}


def _profile(words: list[str], file: str) -> dict[str, Any]:
    import cProfile

    profile = cProfile.Profile()
    with contextlib.redirect_stdout(sys.stderr):
        profile.runcall(_command, words)
    profile.dump_stats(file)
    return {}


def _command(words: list[str]) -> None:
    """Run the console program, of which this package knows nothing but how it is called."""
    sys.argv[1:] = words
    runpy.run_module("keras_vae", run_name="__main__")


@contextlib.contextmanager
def _watched() -> Iterator[list[int]]:
    """Look at the memory of this process now and then: bytes, without pages of files."""
    found: list[int] = []
    over = threading.Event()

    def look() -> None:
        while True:
            lines = [line.split() for line in STATUS.read_text().splitlines() if line.startswith(OWN_PAGES)]
            found.append(sum(int(line[1]) for line in lines) * 1024)
            if over.wait(BETWEEN_LOOKS):
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})
