"""What a training computes with: XLA, precision, devices; `auto` knows what was measured (docs/results.md)."""

from __future__ import annotations

import os
from pathlib import Path

import tensorflow as tf

from keras_vae.model import VAE
from keras_vae.runs import TrainConfig

__all__ = ["computed_by", "in_mixed_precision", "with_xla"]

CPU_FACTS = Path("/proc/cpuinfo")
# As Linux names them; with either, bfloat16 products take about half the time of float32.
BFLOAT16_UNITS = {"amx_bf16", "avx512_bf16"}


def with_xla(config: TrainConfig) -> bool:
    """Whether to compile whole training steps with XLA.

    On a CPU, XLA fuses the many small operations around a float32 product, but loses oneDNN's convolutions and bfloat16
    products, so that it is for dense networks in float32; it does not compile a step over several replicas. Where it
    does not compile the step, it compiles what the optimizer does, unless it is off.

    Args:
        config: with the network that was taken, not `auto`.
    """
    if config.xla != "auto":
        return config.xla == "on"
    gpus = len(tf.config.list_logical_devices("GPU"))
    return gpus == 1 or (not gpus and config.network == "dense" and not in_mixed_precision(config))


def in_mixed_precision(config: TrainConfig) -> bool:
    """Whether to compute in bfloat16 while training.

    `auto` does so on GPUs with units for it, from Ampere on, and on CPUs with units for it. Strided networks, which
    are of earlier versions, go on as they began: their convolutions would compute in it outside training too.
    """
    if config.mixed_precision != "auto":
        return config.mixed_precision == "on"
    if config.network == "strided":
        return False
    if gpus := tf.config.list_physical_devices("GPU"):
        details = map(tf.config.experimental.get_device_details, gpus)
        return min(each.get("compute_capability", (0, 0)) for each in details) >= (8, 0)
    return config.xla != "on" and _cpu_multiplies_bfloat16()


def computed_by(model: VAE) -> str:
    """What the training runs on, and how."""
    gpus = tf.config.list_physical_devices("GPU")
    device = f"{len(gpus)} GPU" if gpus else f"{os.cpu_count()} CPU cores"
    is_shared = model.distribute_strategy.num_replicas_in_sync > 1  # where XLA compiles no update
    if model.jit_compile or model.compiles_pieces:
        xla = "on"
    else:
        xla = "for updates" if model.compiles_updates and not is_shared else "off"
    return f"{model.network} network on {device}, XLA {xla}, {model.dtype_policy.name}"


def _cpu_multiplies_bfloat16() -> bool:
    facts = CPU_FACTS.read_text() if CPU_FACTS.is_file() else ""
    flags = next((line for line in facts.splitlines() if line.startswith("flags")), "")
    return bool(BFLOAT16_UNITS & set(flags.split()))
