"""Speeds are measured for what was asked; how large they are is for scripts/benchmark.py to say."""

from keras_vae.benchmark import bound_speeds, pipeline_speed, training_speeds
from keras_vae.data import open_dataset
from keras_vae.runs import TrainConfig


def test_pipeline_and_every_configuration_get_a_speed(picture_folder):
    data = open_dataset(str(picture_folder))
    config = TrainConfig(dataset=str(picture_folder), latent_dim=2, widths=(8,), batch_size=10, xla="off")
    speeds = training_speeds([config, config.replace(network="convolutional")], data, seconds=0.1, rounds=2)
    assert len(speeds) == 2
    speeds += [pipeline_speed(config, data, seconds=0.1), *bound_speeds(config, data, samples=2, rounds=2)]
    assert all(speed > 0 for speed in speeds)
