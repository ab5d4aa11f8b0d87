"""A page names the code that made it."""

import pytest

from keras_vae.runs import code_origin
from keras_vae.runs.provenance import public_address


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://example.org/owner/name.git", "https://example.org/owner/name"),
        ("https://user:secret@example.org/owner/name", "https://example.org/owner/name"),
        ("git@example.org:owner/name.git", "https://example.org/owner/name"),
        ("ssh://git@example.org:2222/owner/name.git", "https://example.org/owner/name"),
        ("/home/someone/name.git", ""),
        ("file:///home/someone/name", ""),
        ("", ""),
    ],
)
def test_an_address_is_one_for_everybody(remote, address):
    assert public_address(remote) == address


@pytest.mark.parametrize(
    ("remote", "trained", "now", "words"),
    [
        (
            "git@example.org:a/b.git",
            "abc",
            "abc",
            "Code: commit abc, the report too, https://example.org/a/b.",
        ),
        ("", "abc", "def+", "Code: commit abc, report of def+ (+ with changed files)."),
        ("", None, "def", "Code: report of commit def."),
        ("", "abc", None, "The code is not under git here."),
    ],
)
def test_the_commits_of_training_and_report_are_named(monkeypatch, remote, trained, now, words):
    monkeypatch.setattr("keras_vae.runs.provenance.code_commit", lambda: now)
    monkeypatch.setattr("keras_vae.runs.provenance._git", lambda *arguments: remote)
    assert code_origin(trained) == words
