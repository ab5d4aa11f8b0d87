"""Convolutions are compared by networks of about as many multiply-adds; benchmark.py says how fast they are."""

import keras
import pytest

from keras_vae.benchmark import convolution_speeds, convolution_table
from keras_vae.benchmark.convolutions import multiply_adds


def test_multiply_adds_are_those_of_each_place_or_unit():
    images = keras.Input((8, 6, 3))
    hidden = keras.layers.Conv2D(5, 3, strides=2, padding="same")(images)
    hidden = keras.layers.Conv2DTranspose(2, 3, strides=2, padding="same")(hidden)
    outputs = keras.layers.Dense(7)(keras.layers.Flatten()(hidden))
    expected = 12 * 9 * 3 * 5 + 12 * 9 * 5 * 2 + 96 * 7
    assert multiply_adds(keras.Model(images, outputs)) == expected


@pytest.mark.slow
def test_networks_of_about_as_many_multiply_adds_are_measured_in_turn():
    before = keras.config.dtype_policy().name
    results = convolution_speeds((16, 16, 1), batch=4, seconds=0.01, rounds=2)
    assert keras.config.dtype_policy().name == before
    by_network = {each.network.partition(",")[0]: each.multiply_adds for each in results}
    assert by_network.keys() == {"plain Keras", "strided", "convolutional"}
    for count in by_network.values():
        assert count == pytest.approx(by_network["convolutional"], rel=0.2)
    assert {(each.network, each.computes) for each in results} >= {
        ("plain Keras", "float32, XLA"),
        ("convolutional", "mixed_bfloat16"),
    }
    assert all(len(each.images_per_second) == len(each.images_per_processor_second) == 2 for each in results)
    rows = list(convolution_table(results))
    assert len(rows) == 2 + len(results)
    assert rows[2].endswith("| 1.00 | 1.00 |")
