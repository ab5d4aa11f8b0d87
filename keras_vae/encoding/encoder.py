"""Every image of a collection -> its posterior, in files of which a process that was killed leaves only whole ones."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_vae.cluster import calls_on_cluster
from keras_vae.data import ImageData
from keras_vae.encoding.config import EncodingConfig
from keras_vae.encoding.shards import Shard, claimed, open_output, shards_of, write_shard
from keras_vae.errors import InputError
from keras_vae.evaluation import open_model_and_data, weights_digest
from keras_vae.files import require_room
from keras_vae.model import VAE, importance_weighted_bounds
from keras_vae.runs import Run
from keras_vae.version import __version__

__all__ = ["Encoded", "encode_collection"]

BATCH = 500
BYTES_BESIDE = 40  # of what an image is known by, and of a bound
COMPARED_IMAGES = 1000  # of each split: that all processes, and the one that goes on, have the same images


class _Source(NamedTuple):
    """A model, what it encodes, and its encoder as a graph."""

    model: VAE
    data: ImageData
    encode: Callable[[np.ndarray], tuple[Any, Any]]


class Encoded(NamedTuple):
    """What is there once a process is done.

    Attributes:
        images: encoded by this process; those of files that were there already are not among them.
        seconds: that this took.
        missing: files that are still to be written, by other processes.
        files: all files that there will be.
    """

    images: int
    seconds: float
    missing: int
    files: int


def encode_collection(
    run: Run, dataset: str | None, output: Path, config: EncodingConfig, scheduler: str | None = None
) -> Encoded:
    """Write the posterior of every image of a collection into Parquet files of a folder.

    They have the columns `id`, `mean` and `log_var`, lists of d float32, and `bound`, nats per image, where samples are
    asked for. Memory does not grow with the number of images: they are read batch by batch, from disk where they lie
    there. A file appears whole or not at all, and one that is there is left alone, so that the same call goes on after
    a kill. Which images stand in which file, and what is computed of them, does not depend on the number of processes.

    Args:
        run: a trained run.
        dataset: a collection that fits it, as `open_dataset` takes it; None takes the run's own.
        output: the folder; several processes may write their shares into one.
        config: what is written, and the share of this process.
        scheduler: address of a Dask cluster whose workers, who reach run, collection and folder under the same paths,
            write the files; None writes them here.

    Raises:
        InputError: the run has no weights, the images do not fit it, the folder holds something else, or has no room;
            and as `calls_on_cluster`.
        KeyboardInterrupt: Ctrl-C; the same call goes on from the last file.
    """
    number, processes = config.share
    if scheduler is not None and processes > 1:
        raise InputError("--shard is a share for one process: a --scheduler shares out the work by itself.")
    source = _open(run, dataset)
    shards = shards_of({split: source.data.counts[split] for split in config.splits}, config.shard_size)
    description = _description(run, source.data, config)
    open_output(output, description)
    own = [each for each in shards[number::processes] if not (output / each.name).is_file()]
    size = BYTES_BESIDE + 8 * source.model.latent_dim  # of an image
    require_room(output, sum(size * (each.end - each.start) for each in own))
    images, start = 0, time.perf_counter()
    counts: Iterator[int]
    with tqdm(
        total=sum(shard.end - shard.start for shard in own), unit=" images", unit_scale=True, file=sys.stdout,
        mininterval=0.5 if sys.stdout.isatty() else 30.0,
    ) as bar:  # fmt: skip
        if scheduler is None:
            counts = (_write(source, shard, output, config, bar.update) for shard in own)
        else:
            counts = _written_elsewhere(run, dataset, description, own, output, config, scheduler, bar.update)
        for count in counts:
            images += count
    missing = sum(not (output / shard.name).is_file() for shard in shards)
    return Encoded(images, time.perf_counter() - start, missing, len(shards))


def _description(run: Run, data: ImageData, config: EncodingConfig) -> dict[str, Any]:
    options = dataclasses.asdict(config)
    del options["shard"]
    seen = hashlib.sha256()
    for split in config.splits:
        for batch in data.stretch(split, 0, COMPARED_IMAGES, BATCH):
            seen.update(batch.tobytes())
    return {
        "run": run.name,
        "weights": weights_digest(run),
        "dataset": Path(data.name).name,  # which may lie elsewhere on another machine
        "images": {split: data.counts[split] for split in config.splits},
        "first_images": seen.hexdigest(),
        **options,
        "version": __version__,
    }


def _open(run: Run, dataset: str | None) -> _Source:
    model, data = open_model_and_data(run, dataset)
    images = tf.TensorSpec((None, *model.image_shape), tf.uint8)

    @tf.function(input_signature=[images], autograph=False)
    def encode(pixels: Any) -> tuple[Any, Any]:
        return model.encode(_to_float(pixels))

    return _Source(model, data, encode)


def _write(source: _Source, shard: Shard, output: Path, config: EncodingConfig, progress: Callable[[int], Any]) -> int:
    """Write a file, where no other process did; how many images are in it then."""
    with claimed(output, shard) as part:
        if part is None:
            return 0
        columns = _columns(source, shard, config, progress)
        write_shard(part, output / shard.name, source.data.ids(shard.split, shard.start, shard.end), columns)
    return shard.end - shard.start


def _written_elsewhere(
    run: Run,
    dataset: str | None,
    description: Mapping[str, Any],
    shards: Sequence[Shard],
    output: Path,
    config: EncodingConfig,
    scheduler: str,
    progress: Callable[[int], Any],
) -> Iterator[int]:
    """Have files written by the workers of a cluster; how many images are in each."""
    common = (str(run.folder), dataset, json.dumps(description), output.resolve(), config)
    calls = {shard.name: (*common, shard) for shard in shards}
    for _, count in calls_on_cluster(_write_as_worker, calls, scheduler):
        progress(count)
        yield count


def _write_as_worker(
    run: str, dataset: str | None, description: str, output: Path, config: EncodingConfig, shard: Shard
) -> int:
    source = _open_as_worker(run, dataset, description, config)
    return _write(source, shard, output, config, lambda count: None)


@functools.lru_cache(maxsize=1)  # a worker writes many files of one collection
def _open_as_worker(name: str, dataset: str | None, description: str, config: EncodingConfig) -> _Source:
    run = Run.open(name)
    source = _open(run, dataset)
    if json.dumps(_description(run, source.data, config)) != description:
        raise InputError(f"A worker finds another run in {run.folder}, or other images, than the command.")
    return source


def _columns(
    source: _Source, shard: Shard, config: EncodingConfig, progress: Callable[[int], Any]
) -> dict[str, np.ndarray]:
    """What is written of the images of a shard."""
    data, rows = source.data, []
    for pixels in data.stretch(shard.split, shard.start, shard.end, BATCH):
        rows.append([each.numpy() for each in source.encode(pixels)])
        if not config.importance_samples:
            progress(len(pixels))
    mean, log_var = (np.concatenate(column) for column in zip(*rows, strict=True))
    if len(mean) != shard.end - shard.start:
        raise InputError(f"{data.name} has fewer {shard.split} images than it says: make it anew.")
    columns = {"mean": mean, "log_var": log_var}
    if config.importance_samples:
        columns["bound"] = np.concatenate(list(_bounds(source, shard, config, progress)))
    return columns


def _bounds(
    source: _Source, shard: Shard, config: EncodingConfig, progress: Callable[[int], Any]
) -> Iterator[np.ndarray]:
    # Noise of its own for each shard, so that their errors are independent.
    (seed,) = np.random.SeedSequence([config.seed, *shard.split.encode(), shard.start]).generate_state(1) // 2
    batches = (_to_float(pixels) for pixels in source.data.stretch(shard.split, shard.start, shard.end, BATCH))
    for bounds in importance_weighted_bounds(source.model, batches, config.importance_samples, seed=int(seed)):
        progress(len(bounds))
        yield bounds


def _to_float(pixels: Any) -> tf.Tensor:
    return tf.cast(pixels, tf.float32) / 255.0
