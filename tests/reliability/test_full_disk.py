"""What counts as a failure of a command that has no room."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from keras_vae.reliability import full_disk
from keras_vae.reliability.small_run import NAME
from keras_vae.runs import Run, TrainConfig


@pytest.fixture
def whole(tmp_path) -> Path:
    """A run that has a result."""
    run = Run.create(TrainConfig(), NAME, tmp_path / "whole")
    run.write("latent.json", {"maps": 1})
    return run.root


@pytest.mark.parametrize(
    ("code", "says", "does", "expected"),
    [
        (0, "done", lambda run: run.write("latent.json", {"maps": 2}), ("ended well", "")),
        (2, "error: no room", lambda run: None, ("refused in one line", "")),
        (2, "error: no room", lambda run: run.write("more.json", {}), ("refused in one line", "")),
        (2, "error: no room", lambda run: run.write("latent.json", {}), ("failed", "lost or changed: latent.json")),
        (2, "error", lambda run: (run.folder / "latent.json").unlink(), ("failed", "lost or changed: latent.json")),
        (0, "done", lambda run: (run.folder / "latent.json").unlink(), ("failed", "lost or changed: latent.json")),
        (0, "done", lambda run: run.write("metrics.json", "{"), ("failed", "damaged: saved_models/small/metrics.json")),
        (2, "Traceback\nerror: x", lambda run: None, ("failed", "a traceback before error: x")),
        (1, "OSError", lambda run: None, ("failed", "ended with 1: OSError")),
        (-11, "", lambda run: None, ("failed", "ended with -11")),
        (2, "error", lambda run: Run.create(TrainConfig(), "packed", run.root), ("failed", "left a part of packed")),
    ],
)
def test_an_end_is_good_where_nothing_is_lost_and_one_line_says_why(
    code, says, does, expected, whole, tmp_path, monkeypatch
):
    def start(main, words, log, environment):
        log.write_text(says)
        does(Run(NAME, Path(words[-1])))
        return SimpleNamespace(join=lambda seconds: None)

    monkeypatch.setattr(full_disk, "start", start)
    monkeypatch.setattr(full_disk, "finish", lambda process: code)
    monkeypatch.setattr(full_disk, "_fill", lambda root, left: None)
    log, rng = tmp_path / "log.txt", np.random.default_rng(0)
    outcome, failure = full_disk._command(None, ("explore", NAME), whole, tmp_path / "disk", log, rng)
    assert outcome == expected[0]
    assert failure.startswith(expected[1])
    assert bool(failure) == (outcome == "failed")
