"""A training goes on from its latest state that is whole, with the history that belongs to it."""

import contextlib
import errno
import json
import time

import keras
import numpy as np
import pytest

from keras_vae.errors import InputError
from keras_vae.model import VAE, AveragingAdamW
from keras_vae.training import checkpoints
from keras_vae.training.checkpoints import Checkpoint, KeepBest, best_epoch, latest_checkpoint, restore

IMAGES = np.random.default_rng(0).random((40, 8, 8, 1), np.float32)


def compiled(jit_compile: bool = False) -> VAE:
    model = VAE((8, 8, 1), latent_dim=2, widths=(8,))
    model.compile(AveragingAdamW(1e-3), jit_compile=jit_compile)
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture
def trained(tmp_path):
    """Three epochs, and the weights after the second."""
    model, kept = compiled(), {}
    checkpoint = Checkpoint(tmp_path / "state", tmp_path / "history.json")
    for epoch in range(3):
        model.fit(IMAGES, initial_epoch=epoch, epochs=epoch + 1, verbose=0, callbacks=[checkpoint])
        kept[epoch + 1] = model.get_weights()
        checkpoint = Checkpoint(tmp_path / "state", tmp_path / "history.json", epoch + 1)
    return tmp_path, kept


def test_the_latest_checkpoint_and_the_one_before_are_kept(trained):
    folder, _ = trained
    assert latest_checkpoint(folder / "state")[0] == 3
    names = ["epoch-00002.json", "epoch-00002.npz", "epoch-00003.json", "epoch-00003.npz"]
    assert sorted(path.name for path in (folder / "state").iterdir()) == names


def test_files_of_others_beside_the_checkpoints_are_left_alone(trained):
    folder, _ = trained
    names = ("epoch-old.npz", "best-old.npz", "epoch-9.npz")
    for name in names:
        (folder / "state" / name).write_bytes(b"")
    assert (latest_checkpoint(folder / "state")[0], best_epoch(folder / "state")) == (3, None)
    model = compiled()
    assert restore(model, folder / "state") == 3
    checkpoint = Checkpoint(folder / "state", folder / "history.json", 3)
    model.fit(IMAGES, initial_epoch=3, epochs=4, verbose=0, callbacks=[checkpoint])
    found = {path.name for path in (folder / "state").glob("*.npz")}
    assert found == {*names, "epoch-00003.npz", "epoch-00004.npz"}


def test_after_very_many_epochs_the_latest_are_still_those_that_are_kept(tmp_path):
    (tmp_path / "history.json").write_text("[]")
    checkpoint = Checkpoint(tmp_path / "state", tmp_path / "history.json")
    checkpoint.set_model(compiled())
    checkpoint.on_train_begin()
    for epoch in (99_998, 99_999, 100_000):
        checkpoint.on_epoch_end(epoch, {})
    checkpoint.on_train_end()
    names = {path.name for path in (tmp_path / "state").glob("*.npz")}
    assert names == {"epoch-100000.npz", "epoch-100001.npz"}


def test_a_training_that_ends_by_an_error_waits_for_its_checkpoint(tmp_path, monkeypatch):
    replace = checkpoints.replace_durably

    def slowly(part, path):
        time.sleep(0.5)
        replace(part, path)

    def stop(epoch, logs):
        raise RuntimeError("stopped")

    monkeypatch.setattr(checkpoints, "replace_durably", slowly)
    stopping = keras.callbacks.LambdaCallback(on_epoch_end=stop)
    checkpoint = Checkpoint(tmp_path / "state", tmp_path / "history.json")
    with pytest.raises(RuntimeError, match="stopped"), contextlib.closing(checkpoint):
        compiled().fit(IMAGES, verbose=0, callbacks=[checkpoint, stopping])
    assert latest_checkpoint(tmp_path / "state")[0] == 1
    assert len(json.loads((tmp_path / "history.json").read_text())) == 1


@pytest.mark.parametrize("compiles", [False, True], ids=["graph", "XLA"])
def test_a_checkpoint_that_is_written_while_training_goes_on_is_that_of_its_epoch(compiles, tmp_path, monkeypatch):
    write, kept = checkpoints._write_state, []

    def slowly(state, path):
        time.sleep(0.5)
        write(state, path)

    def keep(epoch, logs):
        kept.append(model.get_weights())

    monkeypatch.setattr(checkpoints, "_write_state", slowly)
    model = compiled(jit_compile=compiles)
    keeping = keras.callbacks.LambdaCallback(on_epoch_end=keep)
    checkpoint = Checkpoint(tmp_path / "state", tmp_path / "history.json")
    model.fit(IMAGES, epochs=3, verbose=0, callbacks=[checkpoint, keeping])
    latest_checkpoint(tmp_path / "state")[1].unlink()
    again = compiled()
    assert restore(again, tmp_path / "state") == 2
    assert all(np.array_equal(a, b) for a, b in zip(again.get_weights(), kept[1], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(kept[1], kept[2], strict=True))


def test_a_checkpoint_of_another_model_is_passed_over(trained, capsys):
    folder, _ = trained
    other = VAE((8, 8, 1), latent_dim=3, widths=(8,))
    other.compile(AveragingAdamW(1e-3), jit_compile=False)
    other.optimizer.build(other.trainable_variables)
    with pytest.raises(InputError, match="None of the checkpoints"):
        restore(other, folder / "state")
    assert "it is of another model" in capsys.readouterr().err


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_checkpoint_that_cannot_be_kept_ends_the_training(epochs, tmp_path, monkeypatch):
    replace = checkpoints.replace_durably

    def full(part, path):
        if path.name.startswith("epoch-00001"):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        replace(part, path)

    monkeypatch.setattr(checkpoints, "replace_durably", full)
    with pytest.raises(OSError, match="epoch-00001"):
        compiled().fit(
            IMAGES, epochs=epochs, verbose=0, callbacks=[Checkpoint(tmp_path / "state", tmp_path / "history.json")]
        )
    assert latest_checkpoint(tmp_path / "state")[0] == 0


@pytest.mark.parametrize("damage", ["truncated", "empty", "other", "one bit of a weight"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_and_named(damage, trained, capsys):
    folder, kept = trained
    path = latest_checkpoint(folder / "state")[1]
    content = path.read_bytes()
    model = compiled()
    weight = kept[3][0].tobytes()
    changed = bytes([weight[0] ^ 1]) + weight[1:]
    assert content.count(weight) == 1
    damaged = {"truncated": content[: len(content) // 2], "empty": b"", "other": b"text"}
    path.write_bytes(damaged.get(damage, content.replace(weight, changed)))
    assert restore(model, folder / "state") == 2
    assert str(path) in capsys.readouterr().err
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), kept[2], strict=True))


def test_without_any_whole_checkpoint_the_run_is_refused(trained):
    folder, _ = trained
    for path in (folder / "state").glob("*.npz"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="None of the checkpoints"):
        restore(compiled(), folder / "state")


@pytest.mark.parametrize("content", [None, "[]", "{", "null"])
def test_a_history_that_was_lost_is_there_again_when_the_training_goes_on(content, trained):
    folder, _ = trained
    history = folder / "history.json"
    history.unlink() if content is None else history.write_text(content)
    model = compiled()
    finished = restore(model, folder / "state")
    checkpoint = Checkpoint(folder / "state", history, finished)
    model.fit(IMAGES, initial_epoch=finished, epochs=4, verbose=0, callbacks=[checkpoint])
    assert [each["epoch"] for each in json.loads(history.read_text())] == [1, 2, 3, 4]


def test_a_history_of_other_epochs_is_refused_where_none_belongs_to_the_checkpoint(trained):
    folder, _ = trained
    for path in [*(folder / "state").glob("*.json"), folder / "history.json"]:
        path.write_text("[]")
    with pytest.raises(InputError, match="does not tell of the 3 epochs"):
        Checkpoint(folder / "state", folder / "history.json", 3).on_train_begin()


def figures(losses: list[float]) -> list[dict[str, float]]:
    return [{"val_reconstruction": loss, "val_kl": 0.0} for loss in losses]


@pytest.mark.parametrize(
    ("losses", "warmup", "ended", "best"),
    [
        ([5, 4, 3, 2, 1], 0, None, 5),
        ([5, 4, 6, 4, 1], 0, 4, 2),
        ([1, 4, 4, 4, 4], 3, 5, 1),
    ],
    ids=["always better", "two epochs no better", "warm-up not counted"],
)
def test_a_training_ends_that_no_longer_becomes_better_with_its_best_weights(losses, warmup, ended, best, tmp_path):
    model, kept = compiled(), {}
    keep_best = KeepBest(tmp_path, patience=2, beta=1.0, warmup=warmup)
    keep_best.set_model(model)
    for epoch, logs in enumerate(figures(losses)):
        model.fit(IMAGES, verbose=0)
        kept[epoch + 1] = model.get_weights()
        keep_best.on_epoch_end(epoch, logs)
        assert model.stop_training == (epoch + 1 == ended)
        if model.stop_training:
            break
    keep_best.on_train_end()
    assert best_epoch(tmp_path) == best
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), kept[best], strict=True))
    assert len(list(tmp_path.glob("*.npz"))) == 1


def test_the_best_weights_before_stay_as_long_as_a_checkpoint_may_go_back_to_them(tmp_path):
    keep_best = KeepBest(tmp_path, patience=2, beta=1.0)
    keep_best.set_model(compiled())
    found = []
    for epoch, logs in enumerate(figures([5, 4, 3, 2])):
        keep_best.on_epoch_end(epoch, logs)
        found.append(sorted(path.name.partition(".")[0] for path in tmp_path.glob("best-*")))
    # The checkpoint of the epoch before may not be written yet: then that of two epochs before is the latest.
    bests = ["best-00001", "best-00002", "best-00003", "best-00004"]
    assert found == [bests[:1], bests[:2], bests[:3], bests[1:]]


def test_best_weights_of_others_are_left_alone(tmp_path):
    names = ("best-mine.npz", "best-00003-copy.npz")
    for name in names:
        (tmp_path / name).touch()
    keep_best = KeepBest(tmp_path, patience=2, beta=1.0)
    keep_best.set_model(compiled())
    for epoch, logs in enumerate(figures([5, 4])):
        keep_best.on_epoch_end(epoch, logs)
    keep_best.on_train_end()
    assert {path.name for path in tmp_path.iterdir()} == {*names, "best-00002.npz"}


def test_a_checkpoint_that_could_not_be_written_is_told_of_where_the_training_ends_before_that_is_seen(
    tmp_path, monkeypatch, capsys
):
    checkpoint = Checkpoint(tmp_path / "state", tmp_path / "history.json")
    checkpoint.set_model(compiled())
    checkpoint.on_train_begin()

    def full(part, path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(checkpoints, "replace_durably", full)
    checkpoint.on_epoch_end(0, {})
    checkpoint.close()
    assert "the last checkpoint was not written ([Errno 28]" in capsys.readouterr().err
    assert not list((tmp_path / "state").glob(".part*"))


def test_epochs_are_compared_at_the_final_weight_of_the_kl(tmp_path):
    keep_best = KeepBest(tmp_path, patience=2, beta=0.5)
    keep_best.set_model(compiled())
    for epoch, (reconstruction, kl) in enumerate([(10.0, 10.0), (12.0, 4.0), (9.0, 11.0)]):
        keep_best.on_epoch_end(epoch, {"val_reconstruction": reconstruction, "val_kl": kl, "val_loss": -epoch})
    assert (keep_best.best_epoch, keep_best.best_loss) == (2, 14.0)
