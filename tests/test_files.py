"""A folder is replaced at once, and what a killed process left is put right, without a file of the user's."""

import os
from pathlib import Path

import pytest

from keras_vae import files
from keras_vae.files import clear_leftovers, replace_folder, temporary_folder


def made(folder, content):
    folder.mkdir()
    (folder / "weights").write_text(content)
    return folder


def whole(folder):
    return folder.is_dir() and (folder / "weights").read_text() in ("old", "new")


@pytest.mark.parametrize("moment", range(8))
def test_a_kill_at_any_moment_of_an_exchange_leaves_the_weights(moment, tmp_path, monkeypatch):
    class KilledError(BaseException):
        pass

    calls = iter(range(moment))

    def until_killed(function):
        def called(*arguments, **options):
            if next(calls, None) is None:
                raise KilledError
            return function(*arguments, **options)

        return called

    part, folder = made(tmp_path / ".saved.part", "new"), made(tmp_path / "saved", "old")
    with monkeypatch.context() as patch:
        for owner, name in ((files.Path, "replace"), (files, "_remove"), (files, "synchronise")):
            patch.setattr(owner, name, until_killed(getattr(owner, name)))
        try:
            replace_folder(part, folder)
            ended = True
        except KilledError:
            ended = False
    assert ended == (moment == 7)  # synchronise twice, clear and move aside, replace, synchronise, remove
    clear_leftovers(tmp_path.glob(".*"), alone=True)
    assert whole(folder)
    again = part if part.exists() else made(part, "new")
    replace_folder(again, folder)
    assert (folder / "weights").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


@pytest.mark.parametrize("is_replaced", [False, True])
def test_what_another_process_has_just_put_aside_is_left_to_it(is_replaced, tmp_path):
    aside = made(tmp_path / ".saved.aside", "old")
    if is_replaced:
        made(tmp_path / "saved", "new")
    clear_leftovers(tmp_path.glob(".*"))
    assert whole(aside)
    clear_leftovers(tmp_path.glob(".*"), untouched=0.0)
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_what_lies_aside_stays_until_a_new_one_is_in_its_place(tmp_path, monkeypatch):
    aside = made(tmp_path / ".saved.aside", "old")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no room"):
        patch.setattr(files, "synchronise", lambda path: (_ for _ in ()).throw(OSError("no room")))
        replace_folder(made(tmp_path / ".saved.part", "new"), tmp_path / "saved")
    assert whole(aside)


def test_a_link_to_a_folder_is_replaced_and_what_it_leads_to_is_left_alone(tmp_path):
    elsewhere = made(tmp_path / "elsewhere", "old")
    (tmp_path / "saved").symlink_to(elsewhere)
    replace_folder(made(tmp_path / ".saved.part", "new"), tmp_path / "saved")
    assert whole(elsewhere)
    assert (tmp_path / "saved" / "weights").read_text() == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"elsewhere", "saved"}


@pytest.mark.parametrize("name", [".my-settings", ".my.settings", ".git-template", ".cache-12345678", ".partner"])
def test_hidden_files_of_the_user_are_not_taken_for_leftovers(name, tmp_path):
    (tmp_path / name).touch()
    os.utime(tmp_path / name, (0, 0))
    clear_leftovers(tmp_path.iterdir())
    assert (tmp_path / name).exists()


def test_a_temporary_folder_is_known_by_its_name(tmp_path):
    kept = temporary_folder(tmp_path / "x-1.y")
    clear_leftovers(tmp_path.iterdir())
    assert Path(kept.name).is_dir()
    os.utime(kept.name, (0, 0))
    clear_leftovers(tmp_path.iterdir())
    assert not Path(kept.name).exists()
