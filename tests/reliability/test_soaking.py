"""What a long process may hold more of as it goes on, and what it may not."""

import pytest

from keras_vae.reliability import Soak, Use, what_grew


def uses(memory: float = 0.0, files: float = 0.0, threads: float = 0.0) -> list[Use]:
    """Thirty looks, a minute apart, with some noise; the figures are what each grows by in a minute."""
    return [
        Use(float(at), 900.0 + memory * at + at % 3, 12 + int(files * at) + at % 2, 3 + int(threads * at))
        for at in range(30)
    ]


def test_what_stays_is_allowed():
    assert what_grew(Soak({"one server": uses(0.5), "one training": uses(), "a round": uses(memory=1.0)}, {})) == []


@pytest.mark.parametrize(
    ("name", "growth", "line"),
    [
        ("one server", {"memory": 2.0}, "one server: memory grew by 2.0"),
        ("one training", {"files": 0.5}, "one training: files grew from 20 at most to 24 at least"),
        ("a round", {"memory": 5.0}, "a round: memory grew by 5.0"),
        ("a round", {"files": 1.0}, "a round: files grew from"),
        ("a round", {"threads": 1.0}, "a round: threads grew from"),
    ],
)
def test_what_grows_is_named(name, growth, line):
    (found,) = what_grew(Soak({"one server": uses(), name: uses(**growth)}, {}))
    assert found.startswith(line)


def test_too_short_a_time_to_tell_is_not_judged():
    found = Soak({"one server": [Use(0.001 * at, 900.0 + at, 12, 3) for at in range(6)], "a round": uses()[:3]}, {})
    assert what_grew(found) == []
