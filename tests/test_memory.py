"""What a container may still take counts, not what it may take in all."""

import math

import pytest

from keras_vae import memory


@pytest.mark.parametrize(
    ("limit", "free"), [("max", 8e9), ("6000000000", 2e9 + 5e8), ("1000000000", 0.0), ("60000000000", 8e9)]
)
def test_what_is_left_of_the_limit_is_what_there_is(limit, free, tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text(f"MemTotal: 16000000 kB\nMemAvailable: {8e9 / 1024:.0f} kB\n")
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("4000000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\nactive_file 200000000\ninactive_file 300000000\n")
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    assert memory.available_memory() == pytest.approx(free)


def test_a_system_that_does_not_tell_has_memory_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "none")
    assert memory.available_memory() == math.inf
