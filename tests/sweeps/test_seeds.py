"""Runs of several seeds are summed up by their mean and their spread."""

from keras_vae.runs import TrainConfig
from keras_vae.sweeps import differ_by_seed, spread_over_seeds


def test_only_runs_that_are_alike_but_for_the_seed_are_summed_up():
    configs = [TrainConfig(seed=seed) for seed in range(3)]
    assert differ_by_seed(configs)
    assert not differ_by_seed(configs[:1])
    assert not differ_by_seed([configs[0], configs[0]])
    assert not differ_by_seed([*configs, TrainConfig(seed=3, beta=2.0)])


def test_mean_and_spread_are_those_of_the_values():
    def metrics(**values):
        return {"evaluations": {"grey": {"measurements": {name: {"value": each} for name, each in values.items()}}}}

    mse, recall = "reconstruction.mean.mse_per_pixel", "generation.classifier.recall"
    table = spread_over_seeds([metrics(**{mse: 0.25, recall: 0.5}), metrics(**{mse: 0.75})], "grey")
    assert "| 2 seeds | mean | standard deviation | least | largest |" in table
    assert "| MSE per pixel, posterior mean | 0.50000 | 0.35355 | 0.25000 | 0.75000 |" in table
    assert "recall" not in table  # which one of them has not
