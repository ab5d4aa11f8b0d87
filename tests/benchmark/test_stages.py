"""Where the time of a command goes is read from its profile; scripts/benchmark.py --stages says how much it is."""

from types import SimpleNamespace

import pytest

from keras_vae.benchmark import STAGES, Stage, profile_commands, stage_table

# As pstats has it: calls, calls that were not from itself, own seconds, seconds with what was called, callers.
STATS = SimpleNamespace(
    total_tt=8.0,
    stats={
        ("/x/package/work.py", 1, "whole"): (1, 1, 0.5, 6.0, {}),
        ("/x/package/work.py", 9, "part"): (2, 2, 2.0, 2.0, {}),
        ("/x/other/work.py", 9, "part"): (2, 2, 1.0, 1.0, {}),
        ("/x/homework.py", 9, "part"): (9, 9, 9.0, 9.0, {}),
    },
)


def test_a_stage_is_the_time_in_its_functions_and_in_what_they_call():
    stages = [Stage("all of it", ("package/work.py whole",)), Stage("  parts", ("work.py part",))]
    assert list(stage_table("try", stages, STATS)) == [
        "| `try` | all | 8.0 | |",
        "| | all of it | 6.0 | 75.0% |",
        "| | &emsp;parts | 3.0 | 37.5% |",
    ]


@pytest.mark.parametrize("function", ["package/work.py lost", "elsewhere/work.py part"])
def test_a_stage_that_was_renamed_is_not_left_out_in_silence(function):
    with pytest.raises(RuntimeError, match="name the functions of this stage anew"):
        list(stage_table("try", [Stage("gone", (function,))], STATS))


@pytest.mark.slow
def test_every_stage_of_every_command_is_found(picture_folder):
    options = [
        *("--dataset", str(picture_folder), "--epochs", "1", "--batch-size", "20", "--latent-dim", "3"),
        *("--widths", "8", "--prior-components", "3", "--xla", "off"),
    ]
    rows = list(profile_commands(options))[2:]
    assert len(rows) == sum(1 + len(stages) for stages in STAGES.values())
