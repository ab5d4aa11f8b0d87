"""Measure the speed of training and evaluation: python scripts/benchmark.py --help."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keras_vae.config import TrainConfig, add_arguments, given_options
from keras_vae.console import import_tensorflow, run_script


def main() -> None:
    """Print images per second and their ratios, all from one process."""
    parser = argparse.ArgumentParser(
        description="Compare the speed of pipeline, bound, networks and XLA on this machine."
    )
    add_arguments(parser)
    arguments = parser.parse_args()
    config = TrainConfig.from_preset(arguments.preset or "default", **given_options(arguments))

    import_tensorflow()
    from keras_vae.data import open_dataset
    from keras_vae.speed import bound_speeds, pipeline_speed, training_speeds

    data = open_dataset(config.dataset, data_dir=config.data_dir, memory_budget=config.memory_budget * 2**20)
    (training,) = training_speeds([config], data)
    print(f"{'images/s':>48}{'ratio':>10}", flush=True)
    print(f"{'training, this configuration':<36}{training:>12,.0f}", flush=True)
    for binarize in ("none", "dynamic"):
        speed = pipeline_speed(config.replace(binarize=binarize), data)
        print(f"{f'pipeline alone, binarize {binarize}':<36}{speed:>12,.0f}{speed / training:>10.1f}", flush=True)
    bound, decoder = bound_speeds(config, data)
    print(f"{'decoder alone, latents/s':<36}{decoder:>12,.0f}", flush=True)
    print(f"{'bound, image-samples/s':<36}{bound:>12,.0f}{bound / decoder:>10.2f}", flush=True)
    for network in ("dense", "convolutional"):
        choices = [config.replace(network=network, widths=None, xla=xla) for xla in ("off", "on")]
        without, with_xla = training_speeds(choices, data)
        print(f"{f'training, {network}, no XLA':<36}{without:>12,.0f}", flush=True)
        print(f"{f'training, {network}, XLA':<36}{with_xla:>12,.0f}{with_xla / without:>10.2f}", flush=True)


if __name__ == "__main__":
    run_script(main)
