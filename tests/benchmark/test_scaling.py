"""How cost scales: what is computed from measurements is right; scripts/benchmark.py says how large they are."""

import math

import numpy as np
import pytest

from keras_vae.benchmark import (
    Interconnect,
    exponent,
    growth,
    growth_table,
    image_folder_table,
    local_steps,
    local_table,
    measure_growth,
    memory_table,
    noise_scale,
    peak_memories,
    predicted_table,
    ring_seconds,
    step_operations,
    steps_factor,
)
from keras_vae.benchmark.arithmetic import attained_rates
from keras_vae.benchmark.gradient_noise import measure_noise_scales
from keras_vae.data import ImageData
from keras_vae.runs import TrainConfig
from keras_vae.training import compiled_model

SMALL = TrainConfig(latent_dim=2, widths=(8,), batch_size=10, xla="updates", mixed_precision="off", augmentation=0.0)


def noise(count: int, side: int) -> ImageData:
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 1), np.uint8)
    return ImageData.of_pixels(pixels, pixels[:10])


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_is_that_of_a_power_law(power):
    sizes = np.array([1, 10, 300])
    assert exponent(sizes, 7 * sizes**power) == pytest.approx(power)


@pytest.mark.parametrize("quantity", ["images", "pixels", "importance samples"])
def test_each_quantity_gets_costs_of_its_sizes(quantity):
    sizes = {quantity: (64, 144)}
    (growth,) = measure_growth(SMALL, sizes, seconds=0.01, rounds=1)
    assert (growth.quantity, growth.sizes) == (quantity, (64, 144))
    assert all(cost > 0 for cost in growth.costs)
    assert f"| {quantity} | 64, 144 | " in "\n".join(growth_table(iter([growth])))


def test_larger_images_are_measured_with_the_same_kind_of_network(monkeypatch):
    measured = []

    class Watched(growth.Training):
        def __init__(self, config, data):
            measured.append((data.image_shape, config.network_for(data.image_shape)))
            super().__init__(config, data)

    monkeypatch.setattr(growth, "Training", Watched)
    config = TrainConfig(latent_dim=2, batch_size=10, xla="updates", mixed_precision="off", augmentation=0.0)
    list(measure_growth(config, {"pixels": (64, 2500)}, seconds=0.01, rounds=1))
    assert measured == [((8, 8, 1), "dense"), ((50, 50, 1), "dense")]


def test_operations_are_those_of_the_matrix_products_and_little_else():
    config = SMALL.replace(widths=(100, 60), latent_dim=20)
    encoder, decoder = (400 * 100, 100 * 60, 60 * 40), (20 * 60, 60 * 100, 100 * 400)
    # Forward, and backward to weights and to inputs; but no gradient goes to the images.
    expected = 2 * (3 * sum(encoder) - encoder[0] + 3 * sum(decoder))
    counted = step_operations(compiled_model(config, noise(20, 20)), 10) / 10
    assert expected < counted < 1.2 * expected


def test_ways_of_computing_are_measured_beside_the_matrix_product_of_their_type():
    dense, convolutional = attained_rates(
        SMALL, noise(20, 8), ("dense, float32", "convolutional, float32"), seconds=0.01, rounds=1
    )
    assert dense.product_rate == convolutional.product_rate > 0
    assert dense.rate > 0
    assert convolutional.operations > dense.operations > 0


def test_noise_scale_is_that_of_gradients_of_known_mean_and_covariance():
    rng = np.random.default_rng(0)
    mean, deviation = np.array([3.0, 4.0]), np.array([10.0, 20.0])
    gradients = rng.normal(mean, deviation, (4000, 16, 5, 2))  # large batches, small ones in them, images
    small = np.square(gradients.mean(axis=2)).sum(axis=-1).mean()
    large = np.square(gradients.mean(axis=(1, 2))).sum(axis=-1).mean()
    squared_norm, variance = noise_scale(small, large, 5, 80)
    assert squared_norm == pytest.approx(25, rel=0.05)
    assert variance == pytest.approx(500, rel=0.05)


def test_noise_scale_is_measured_after_the_epochs_that_are_asked_for():
    config = SMALL.replace(epochs=2, prior="standard_normal")
    data = noise(200, 8)
    first, second = measure_noise_scales(config, data, (1, 2, 5))
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.variance > 0
    assert math.isfinite(first.images)


def test_adding_up_around_a_ring_takes_what_its_messages_take():
    interconnect = Interconnect("slow", bandwidth=1000, latency=0.5)
    assert ring_seconds(1, 4000, interconnect) == 0
    assert ring_seconds(2, 4000, interconnect) == pytest.approx(2 * (2 + 0.5))
    fast = Interconnect("fast", 1000, 0)
    assert ring_seconds(1000, 4000, fast) == pytest.approx(8, rel=0.01)  # twice the bytes, at most


def test_above_the_critical_batch_images_buy_few_steps():
    assert steps_factor(100, 100) == 2
    assert steps_factor(1e9, 100) == pytest.approx(1)
    rows = [row.split(" | ") for row in list(predicted_table(10.0, 100, 0.0, 100.0, workers=(1, 4)))[2:4]]
    efficiency, share, faster = (float(each.strip(" |")) for each in rows[1][4:])
    assert (efficiency, share) == (1.0, 0.62)  # 1.25 of 2 steps; latency of three messages is nothing here
    assert faster == 1.6


@pytest.mark.slow
def test_memory_is_that_of_processes_that_train_encode_evaluate_and_explore():
    splits = {"train": 1000, "validation": 100, "test": 100}
    memories = list(peak_memories(times=2, steps=2, splits=splits))
    assert [each.images for each in memories] == [1200, 1200, 1200, 2400, 2400, 100, 2400, 100, 2400]
    assert all(each.peak > 100 * 2**20 for each in memories)  # TensorFlow alone takes that
    assert len(list(memory_table(iter(memories)))) == 2 + 9


@pytest.mark.slow
def test_processes_of_this_machine_train_together_and_are_set_beside_the_model():
    alone, two = local_steps((1, 2), batch=20, steps=2)
    assert (alone.workers, two.workers) == (1, 2)
    assert alone.gradient_bytes == two.gradient_bytes > 1e6
    assert alone.reduction == 0 < two.reduction
    assert len(list(local_table([alone, two], cores=2))) == 2 + 2


def test_a_folder_of_images_is_opened_twice():
    head, _, *rows = image_folder_table(120, side=8)
    assert head.startswith("| 120 PNG files of 8 x 8 | ")
    assert [row.split(" | ")[0] for row in rows] == [
        "| their bytes read, one after the other",
        "| opened: listed, checked and decoded",
        "| opened again: listed and compared",
    ]
