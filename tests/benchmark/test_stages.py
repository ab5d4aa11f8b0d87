"""Where the time of a command goes is read from its profile; scripts/benchmark.py --stages says how much it is."""

import cProfile
import pstats
import time

import pytest

from keras_vae.benchmark import STAGES, Stage, profile_commands, stage_table


def whole() -> None:
    part()
    part()


def part() -> None:
    time.sleep(0.01)


@pytest.fixture
def stats() -> pstats.Stats:
    profile = cProfile.Profile()
    profile.runcall(whole)
    return pstats.Stats(profile)


def test_a_stage_is_the_time_in_its_function_and_in_what_that_calls(stats):
    stages = [Stage("all of it", ("benchmark/test_stages.py whole",)), Stage("  parts", ("test_stages.py part",))]
    head, first, second = (row.split(" | ") for row in stage_table("try", stages, stats))
    assert head[0] == "| `try`"
    assert [first[1], second[1]] == ["all of it", "&emsp;parts"]
    assert 0.02 <= stats.stats[next(key for key in stats.stats if key[2] == "part")][3] <= stats.total_tt


def test_a_stage_that_was_renamed_is_not_left_out_in_silence(stats):
    with pytest.raises(RuntimeError, match="There is no lost of test_stages.py"):
        list(stage_table("try", [Stage("gone", ("test_stages.py lost",))], stats))


@pytest.mark.slow
def test_every_stage_of_every_command_is_found(picture_folder):
    options = [
        *("--dataset", str(picture_folder), "--epochs", "1", "--batch-size", "20", "--latent-dim", "3"),
        *("--widths", "8", "--prior-components", "3", "--xla", "off"),
    ]
    rows = list(profile_commands(options))[2:]
    assert len(rows) == sum(1 + len(stages) for stages in STAGES.values())
