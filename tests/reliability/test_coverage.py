"""Whatever a file of a binary format holds, it is taken or refused in one line; atheris looks for one that is not."""

from pathlib import Path

import pytest

from keras_vae.cli import main
from keras_vae.errors import InputError
from keras_vae.reliability import FORMATS, Format, Tally, fuzz_by_coverage, tally_table, trying


@pytest.mark.parametrize("kind", FORMATS.values(), ids=lambda kind: kind.name)
def test_valid_files_are_taken_and_cut_ones_refused(kind, tmp_path):
    tally = Tally()
    attempt = trying(kind, tmp_path, tally)
    for content in kind.seeds():
        attempt(content)
    assert tally.outcomes.keys() == ({"refused"} if "Fashion-MNIST" in kind.name else {"taken"}), tally.failures
    attempt(b"")
    assert tally.outcomes["refused"] >= 1, tally.failures


def test_files_that_atheris_makes_are_taken_or_refused_in_one_line(tmp_path):
    name = "record of a run (JSON)"
    (tally,) = fuzz_by_coverage(main, tmp_path, 500, formats=[name]).values()
    log = next(tmp_path.rglob("log.txt")).read_text()
    assert (tally.tried, tally.failures) == (500, []), log
    assert tally.outcomes["taken"] > 0 < tally.outcomes["refused"]
    assert len(list(tmp_path.glob("*/corpus/*"))) > 1 + len(list(FORMATS[name].seeds()))  # files of lines newly reached


def test_what_is_not_foreseen_is_told_once_with_the_file_that_made_it(tmp_path):
    def read(path: Path) -> None:
        content = path.read_bytes()
        if content == b"silent":
            raise InputError("")
        raise KeyError(content.decode())

    tally = Tally()
    attempt = trying(Format("odd file", "odd.bin", lambda: iter(()), read), tmp_path, tally)
    for content in (b"first", b"second", b"silent"):
        attempt(content)
    assert (tally.tried, tally.survived) == (3, 0)
    assert [path.read_bytes() for path in sorted(tmp_path.glob("failed-*.bin"))] == [b"first", b"silent"]
    table = tally_table({"odd file": tally}, "format")
    assert "| odd file | 0 / 3 | 3 failed |" in table
    assert table.count("KeyError") == 1 and "'first'), of failed-0.bin" in table
