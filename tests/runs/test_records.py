"""A JSON file of a run is read as it was written, or named with the place where it is damaged."""

import json

import pytest
from zip_files import arrays_with_a_password

from keras_vae.errors import InputError
from keras_vae.runs import read_arrays, read_record

PATTERN = {"name": str, "count": int, "share?": (float, None), "rows": [{"at": float}], str: {"is": bool}}
WHOLE = {"name": "a", "count": 3, "share": None, "rows": [{"at": 1}, {"at": 2.5}], "other": {"is": True}}


def damaged(**changes):
    return {name: value for name, value in {**WHOLE, **changes}.items() if value != "left out"}


@pytest.mark.parametrize("content", [WHOLE, damaged(share="left out"), damaged(share=0.5, rows=[])])
def test_what_looks_as_it_must_is_given_as_it_is(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(content))
    assert read_record(path, PATTERN, "write it again") == content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (damaged(name="left out"), "name is missing"),
        (damaged(name=3), "name is not a text"),
        (damaged(count=True), "count is not a whole number"),
        (damaged(count=2.0), "count is not a whole number"),
        (damaged(share="much"), "share is not a number"),
        (damaged(rows={}), "rows is no list"),
        (damaged(rows=[{"at": 1}, {"at": "b"}]), r"rows\[1\].at is not a number"),
        (damaged(rows=[{"at": float("nan")}]), r"rows\[0\].at is not finite"),
        (damaged(rows=[{"at": 10**400}]), r"rows\[0\].at is not finite"),
        (damaged(other=[]), "other has no parts with names"),
        (damaged(other={"is": None}), "other.is is not true or false"),
        ([], "it has no parts with names"),
    ],
)
def test_what_does_not_is_named_with_its_place_and_the_remedy(tmp_path, content, words):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"record\.json is damaged \({words}\): write it again\.$"):
        read_record(path, PATTERN, "write it again")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"\x00", b"1" * 5000])
def test_what_is_no_json_is_named_in_one_line(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"record\.json is damaged \(.*: write it again\.$") as error:
        read_record(path, PATTERN, "write it again")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"There is no .*record\.json: write it again\.$"):
        read_record(tmp_path / "record.json", PATTERN, "write it again")


def test_arrays_behind_a_password_are_named_in_one_line(tmp_path):
    path = tmp_path / "maps.npz"
    path.write_bytes(arrays_with_a_password())
    with pytest.raises(InputError, match=r"maps\.npz is damaged \(.*password.*\): explore again\.$"):
        read_arrays(path, "explore again")
