"""Batches are shared out to all devices, and their results come in order."""

import time

import pytest
import tensorflow as tf

from keras_vae.model import over_devices

TWO_DEVICES = ("CPU:0", "CPU:1")


@pytest.mark.parametrize("count", [0, 1, 9])
def test_every_device_has_its_turn_and_results_come_in_the_order_of_the_batches(count):
    def compute(number: int) -> tuple[int, str]:
        time.sleep(0.02 * (number % 2))  # so that the second device is late
        return number, (tf.constant(1.0) + 1.0).device[-5:]

    found = list(over_devices(compute, range(count), TWO_DEVICES))
    assert found == [(number, TWO_DEVICES[number % 2]) for number in range(count)]


def test_an_error_ends_all_of_it_and_no_batch_is_read_that_is_not_needed():
    read = []

    def batches():
        for number in range(100):
            read.append(number)
            yield number

    with pytest.raises(ZeroDivisionError):
        list(over_devices(lambda number: 1 // (2 - number), batches(), TWO_DEVICES))
    assert len(read) < 10
