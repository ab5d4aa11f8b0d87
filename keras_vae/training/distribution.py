"""What a training is shared among: the devices of this machine or of several, by TensorFlow's own strategies."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf.coordination_config_pb2 import CoordinatedJob
from tensorflow.python.eager import context

from keras_vae.errors import InputError

__all__ = [
    "JOIN_SECONDS",
    "LOST_SECONDS",
    "Distribute",
    "check_alike",
    "is_chief",
    "lost_workers_named",
    "open_strategy",
    "wait_for_all",
]

JOIN_SECONDS = 300  # until all workers must have come
BETWEEN_CALLS = 0.2  # seconds
LOST_SECONDS = 30  # of silence, after which a worker counts as lost

CHIEF = "chief"
JOBS = {CHIEF, "worker"}
MOST_FACTS = 64

Distribute = Literal["auto", "mirrored", "multiworker"]


def open_strategy(distribute: Distribute) -> tf.distribute.Strategy:
    """Make the strategy that a training runs under; with several workers, before TensorFlow has computed anything.

    Args:
        distribute: `auto` takes all GPUs of this machine if there are several, `mirrored` all devices of this machine,
            `multiworker` those of all machines that `TF_CONFIG` names, or of this Slurm step.

    Raises:
        InputError: the cluster is not described, or wrongly; this worker's port is taken; a worker does not come.
    """
    if distribute == "multiworker":
        joined = _joined()
        # One device waits for no other, so that all that it computes can be compiled: that takes no strategy.
        return joined if joined.num_replicas_in_sync > 1 else tf.distribute.get_strategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1 and (distribute == "mirrored" or devices[0].device_type == "GPU"):
        return _mirrored(tuple(device.name for device in devices))
    return tf.distribute.get_strategy()


def is_chief(distribute: Distribute) -> bool:
    """Whether this process writes what a training leaves: the only one, or the chief of several workers.

    Raises:
        InputError: the cluster is not described, or wrongly.
    """
    if distribute != "multiworker":
        return True
    resolver = _cluster()
    return (resolver.task_type, resolver.task_id) == (_chief_job(resolver), 0)


def check_alike(strategy: tf.distribute.Strategy, facts: Mapping[str, str]) -> None:
    """See that all workers are about to do the same.

    Args:
        strategy: of several workers.
        facts: what must be the same on all workers, by a name that the user knows it by.

    Raises:
        InputError: a worker differs from the chief; the message names the worker and the facts. It is raised on all
            workers.
    """
    if strategy.cluster_resolver is None:  # there is one worker, on its only device
        return
    chief, *others = _gathered(strategy, _digests(facts))
    first, *names = _names(strategy.cluster_resolver)
    for name, row in zip(names, others, strict=True):
        if different := [
            fact for fact, same in zip(sorted(facts), np.all(row == chief, axis=-1), strict=False) if not same
        ]:
            raise InputError(
                f"{name.capitalize()} would not train what {first} does; they differ in {', '.join(different)}: "
                "start all workers with the same options, data and version."
            )


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Wait until all workers have come here; at once where there is one process."""
    if strategy.cluster_resolver:
        _gathered(strategy, tf.zeros(1))


@contextlib.contextmanager
def lost_workers_named(strategy: tf.distribute.Strategy, advice: str) -> Iterator[None]:
    """Turn what TensorFlow raises where another worker has died into one line.

    Args:
        strategy: of one process, whose errors pass, or of several.
        advice: how to go on.

    Raises:
        InputError: instead of TensorFlow's error.
    """
    try:
        yield
    except tf.errors.OpError as error:
        lost = (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.CancelledError,
            tf.errors.DeadlineExceededError,
        )
        if strategy.cluster_resolver is None or not isinstance(error, lost):
            raise
        raise InputError(f"Another worker has stopped, so that this one cannot go on. {advice}") from error


@functools.cache  # TensorFlow numbers the sums of a strategy from 1: those of a second one would meet the first one's
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(devices)


def _names(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> list[str]:
    """What the workers are called, the chief first."""
    jobs = resolver.cluster_spec().as_dict()
    return [*(["the chief"] if "chief" in jobs else []), *(f"worker {number}" for number in range(len(jobs["worker"])))]


def _cluster() -> tf.distribute.cluster_resolver.ClusterResolver:
    if "TF_CONFIG" in os.environ:
        return _of_tf_config(os.environ["TF_CONFIG"])
    if "SLURM_STEP_NUM_TASKS" in os.environ:
        return _of_slurm()
    raise InputError(
        "--distribute multiworker needs to know the machines: set TF_CONFIG on each, or start it by srun; "
        "docs/distributed.md shows how."
    )


def _of_tf_config(text: str) -> tf.distribute.cluster_resolver.ClusterResolver:
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], (config["task"]["type"], int(config["task"]["index"]))
        addresses = [address for job in cluster.values() for address in job]
        ports = [int(address.rpartition(":")[2]) for address in addresses]
        if task[1] not in range(len(cluster[task[0]])):
            raise ValueError(f"there is no {task[0]} of index {task[1]}")
        if wrong := [port for port in ports if not 0 < port < 2**16]:
            raise ValueError(f"{wrong[0]} is no port")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            'TF_CONFIG must be like {"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", '
            f'"index": 0}}}}, with a task that is one of the cluster: {type(error).__name__} {error}.'
        ) from error
    if unknown := cluster.keys() - JOBS:
        raise InputError(f"TF_CONFIG names the job {min(unknown)!r}: there can be one chief, and workers.")
    if len(cluster.get(CHIEF, ())) > 1:
        raise InputError(f"TF_CONFIG names {len(cluster[CHIEF])} chiefs: there can be one; make workers of the others.")
    if twice := {address for address in addresses if addresses.count(address) > 1}:
        raise InputError(f"TF_CONFIG names {min(twice)} twice: each worker needs an address of its own.")
    return tf.distribute.cluster_resolver.TFConfigClusterResolver()


def _of_slurm() -> tf.distribute.cluster_resolver.ClusterResolver:
    # Slurm itself shows each task its GPUs; TensorFlow's resolver would share them out, and fails where there are none.
    tasks = int(os.environ["SLURM_STEP_NUM_TASKS"])
    slurm = tf.distribute.cluster_resolver.SlurmClusterResolver(
        gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
    )
    cluster = slurm.cluster_spec()
    task_type, task_id = slurm.get_task_info()
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        cluster,
        task_type=task_type,
        task_id=task_id,
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        rpc_layer="grpc",
    )


def _meet(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> None:
    """Wait until every other worker has listened at its address: TensorFlow would wait for an absent one for ever."""
    task = (resolver.task_type, resolver.task_id)
    own = resolver.cluster_spec().task_address(*task)
    port = int(own.rpartition(":")[2])
    addresses = [address for job in resolver.cluster_spec().as_dict().values() for address in job]
    silent = [address for address in addresses if address != own]
    deadline = time.monotonic() + JOIN_SECONDS
    try:
        listener = socket.create_server(("", port), backlog=len(addresses))
    except OSError as error:
        raise InputError(
            f"Port {port} of {task[0]} {task[1]}, {own}, cannot be had ({error.strerror}): "
            "is the same worker started twice? Otherwise give it another port in TF_CONFIG."
        ) from error
    with listener:
        listener.setblocking(False)
        while silent := [address for address in silent if not _answers(address)]:
            if time.monotonic() > deadline:
                raise InputError(
                    f"The workers did not find each other within {JOIN_SECONDS} s; nothing answers at "
                    f"{', '.join(silent)}. Start every worker that TF_CONFIG names, at its address, with the same "
                    "addresses."
                )
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
            time.sleep(BETWEEN_CALLS)


@functools.cache  # a process joins once
def _joined() -> tf.distribute.Strategy:
    resolver = _cluster()
    _meet(resolver)
    jobs = resolver.cluster_spec().as_dict()
    # The strategy takes the coordination service as it finds it, and has no option for how long that waits.
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{_chief_job(resolver)}/replica:0/task:0",
        coordinated_jobs=[CoordinatedJob(name=job, num_tasks=len(addresses)) for job, addresses in jobs.items()],
        cluster_register_timeout_in_ms=1000 * JOIN_SECONDS,
        heartbeat_timeout_in_ms=1000 * LOST_SECONDS,
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except (tf.errors.OpError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"The workers lost each other before they began: {reason}.") from error


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def _chief_job(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> str:
    return CHIEF if CHIEF in resolver.cluster_spec().jobs else "worker"


def _gathered(strategy: tf.distribute.Strategy, value: tf.Tensor) -> list[np.ndarray]:
    """What each worker has, by their numbers."""

    @tf.function(autograph=False)
    def of_all() -> tf.Tensor:
        return strategy.run(lambda: tf.distribute.get_replica_context().all_gather(value[tf.newaxis], axis=0))

    rows = strategy.experimental_local_results(of_all())[0].numpy()
    return list(rows[:: len(strategy.extended.worker_devices)])


def _digests(facts: Mapping[str, str]) -> tf.Tensor:
    """A row of eight integers for each fact, in the order of the names; filled up, so that workers can compare any."""
    rows = [hashlib.sha256(facts[name].encode()).digest() for name in sorted(facts)]
    padded = b"".join(rows).ljust(32 * MOST_FACTS, b"\0")
    return tf.reshape(tf.io.decode_raw(padded, tf.int32), (MOST_FACTS, 8))
