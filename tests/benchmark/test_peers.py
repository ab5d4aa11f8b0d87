"""Peers train the same networks in processes of their own; what cannot be had is named instead of measured."""

import numpy as np
import pytest

from keras_vae.benchmark import Peer, peer_speeds, peer_table

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
KERAS = Peer("Keras", "keras_alone")


@pytest.fixture
def without_torch(tmp_path, monkeypatch) -> None:
    """Let torch be missing, also where it is installed."""
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(name='torch')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_peer_that_is_not_installed_and_one_that_fails_are_named(without_torch):
    peers = (Peer("PyTorch", "pytorch"), Peer("nothing", "no_such_module"))
    results = peer_speeds("example", IMAGES, peers, rounds=1)
    assert [each.speeds for each in results] == [[], []]
    assert results[0].version == "not installed (torch)"
    assert results[1].version.startswith("failed: ")
    rows = list(peer_table(results))[2:]
    assert rows[0].startswith("| PyTorch | not installed (torch) |")


@pytest.mark.slow
@pytest.mark.parametrize("network", ["example", "default"])
def test_this_project_and_plain_keras_train_as_many_weights_in_turn(network, without_torch):
    peers = (Peer("this project", "this_project"), KERAS, Peer("PyTorch", "pytorch"))
    ours, theirs, missing = peer_speeds(network, IMAGES, peers, seconds=0.1, rounds=2, threads=1)
    assert len(ours.speeds) == len(theirs.speeds) == 2
    assert min(ours.speeds + theirs.speeds) > 0
    assert theirs.version.startswith("Keras 3")
    rows = list(peer_table([ours, theirs, missing]))[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| this project", "| Keras", "| PyTorch"]
    assert " to " in rows[1]
