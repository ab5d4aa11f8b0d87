"""What is locked is what is required, each with its sums, from wherever it is fetched."""

import os
import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
REQUIRED = [Requirement(line.partition("#")[0]) for line in (ROOT / "requirements.txt").read_text().splitlines()
            if line.partition("#")[0].strip()]  # fmt: skip
NAME = r"^([a-z0-9][\w.-]*)=="
LOCKED = re.findall(NAME + r"(\S+?)(?: ; (.*?))?((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", LOCK, re.M)


@pytest.mark.parametrize("required", REQUIRED, ids=lambda required: required.name)
def test_every_requirement_is_locked_within_its_range(required):
    name = required.name.lower().replace("_", "-")
    versions = [version for locked, version, *_ in LOCKED if locked == name]
    assert versions
    assert all(required.specifier.contains(version) for version in versions)


def test_every_locked_package_has_sums_and_no_host():
    assert len(LOCKED) == len(re.findall(NAME, LOCK, re.M)) > 50
    assert all(sums for *_, sums in LOCKED)
    assert "://" not in LOCK


@pytest.mark.skipif("CI" not in os.environ, reason="outside of CI, the environment may have newer versions")
def test_ci_has_exactly_what_is_locked():
    here = {name: version for name, version, marker, _ in LOCKED if not marker or Marker(marker).evaluate()}
    assert {name: metadata.version(name) for name in here} == here
