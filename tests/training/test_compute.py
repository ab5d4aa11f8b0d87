"""A training computes in the way that is fastest where it runs, or in the way that is asked for."""

import numpy as np
import pytest

from keras_vae.data import ImageData
from keras_vae.runs import TrainConfig
from keras_vae.training import compiled_model, compute


@pytest.fixture
def processor(tmp_path, monkeypatch):
    """Make the machine one whose processor has these units."""

    def has(*units: str) -> None:
        facts = tmp_path / "cpuinfo"
        facts.write_text(f"processor : 0\nflags\t: fpu avx2 {' '.join(units)}\n")
        monkeypatch.setattr(compute, "CPU_FACTS", facts)

    return has


@pytest.mark.parametrize(
    ("units", "options", "xla", "bfloat16"),
    [
        ((), {}, True, False),
        (("avx512_bf16",), {}, False, True),
        (("amx_bf16",), {}, False, True),
        (("amx_bf16",), {"network": "convolutional"}, False, True),
        (("avx512_bf16",), {"network": "convolutional"}, False, True),
        ((), {"network": "convolutional"}, False, False),
        (("amx_bf16",), {"network": "convolutional", "mixed_precision": "off"}, False, False),
        (("amx_bf16",), {"network": "strided"}, False, False),
        (("amx_bf16",), {"xla": "on"}, True, False),
        (("amx_bf16",), {"mixed_precision": "off"}, True, False),
        ((), {"mixed_precision": "on"}, False, True),
        ((), {"xla": "updates"}, False, False),
        ((), {"xla": "off"}, False, False),
    ],
)
def test_what_is_fastest_follows_from_processor_and_network(processor, units, options, xla, bfloat16):
    processor(*units)
    config = TrainConfig(**{"network": "dense", **options})
    assert compute.with_xla(config) == xla
    assert compute.in_mixed_precision(config) == bfloat16


@pytest.mark.parametrize(
    ("capabilities", "options", "xla", "bfloat16"),
    [
        ([(9, 0)], {}, True, True),
        ([(8, 0)], {"network": "convolutional"}, True, True),
        ([(7, 5)], {}, True, False),
        ([(9, 0), (9, 0)], {}, False, True),  # XLA does not compile a step over several replicas
        ([(9, 0), (7, 5)], {}, False, False),
        ([(9, 0)], {"network": "strided"}, True, False),
        ([(9, 0)], {"xla": "off", "mixed_precision": "off"}, False, False),
    ],
)
def test_on_gpus_it_follows_from_what_they_are(capabilities, options, xla, bfloat16, monkeypatch):
    gpus = list(range(len(capabilities)))
    monkeypatch.setattr(compute.tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else [])
    monkeypatch.setattr(compute.tf.config, "list_logical_devices", lambda kind: gpus if kind == "GPU" else [])
    details = lambda gpu: {"compute_capability": capabilities[gpu]}  # noqa: E731
    monkeypatch.setattr(compute.tf.config.experimental, "get_device_details", details)
    config = TrainConfig(**{"network": "dense", **options})
    assert compute.with_xla(config) == xla
    assert compute.in_mixed_precision(config) == bfloat16


@pytest.mark.parametrize(
    ("xla", "steps", "updates", "words"),
    [("on", True, True, "XLA on"), ("updates", False, True, "XLA for updates"), ("off", False, False, "XLA off")],
)
def test_xla_compiles_what_it_is_asked_to_and_it_is_told(xla, steps, updates, words):
    pixels = np.zeros((20, 8, 8, 1), np.uint8)
    config = TrainConfig(latent_dim=2, widths=(8,), batch_size=10, prior="standard_normal", xla=xla)
    model = compiled_model(config, ImageData.of_pixels(pixels, pixels))
    assert (model.jit_compile, model.jit_compile or model.compiles_updates) == (steps, updates)
    assert f", {words}, " in compute.computed_by(model)


def test_a_machine_that_does_not_tell_is_taken_for_one_without(tmp_path, monkeypatch):
    monkeypatch.setattr(compute, "CPU_FACTS", tmp_path / "nothing")
    assert not compute.in_mixed_precision(TrainConfig())
