"""Measure the speed of the input pipeline and of training: python scripts/benchmark.py --help."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keras_vae.config import TrainConfig, add_arguments, given_options
from keras_vae.console import import_tensorflow, run_script


def main() -> None:
    """Print images per second and their ratios, all from one process."""
    parser = argparse.ArgumentParser(description="Compare the speed of pipeline, networks and XLA on this machine.")
    add_arguments(parser)
    arguments = parser.parse_args()
    config = TrainConfig.from_preset(arguments.preset or "default", **given_options(arguments))

    import_tensorflow()
    from keras_vae.data import open_dataset
    from keras_vae.speed import pipeline_speed, training_speed

    data = open_dataset(config.dataset, data_dir=config.data_dir, memory_budget=config.memory_budget * 2**20)
    training = training_speed(config, data)
    print(f"{'images/s':>44}{'ratio':>24}", flush=True)
    print(f"{'training, this configuration':<32}{training:>12,.0f}", flush=True)
    for binarize in ("none", "dynamic"):
        speed = pipeline_speed(config.replace(binarize=binarize), data)
        print(f"{f'pipeline, binarize {binarize}':<32}{speed:>12,.0f}{speed / training:>16.1f} x training", flush=True)
    for network in ("dense", "convolutional"):
        base = config.replace(network=network, widths=None)
        without, with_xla = (training_speed(base.replace(xla=xla), data) for xla in ("off", "on"))
        print(f"{f'training, {network}, no XLA':<32}{without:>12,.0f}", flush=True)
        ratio = with_xla / without
        print(f"{f'training, {network}, XLA':<32}{with_xla:>12,.0f}{ratio:>16.2f} x without XLA", flush=True)


if __name__ == "__main__":
    run_script(main)
