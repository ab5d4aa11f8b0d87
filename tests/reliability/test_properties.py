"""Whatever an input is, it is taken as it stands or refused in one line: Hypothesis looks for one that is neither."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from keras_vae.data import open_dataset
from keras_vae.errors import InputError
from keras_vae.model import VAE
from keras_vae.reliability.answers import REFUSED, refusing
from keras_vae.runs import PRESETS, TrainConfig, read_record

SHAPE = (8, 8, 1)
# The same inputs at every run, so that what fails fails again; a folder of the test may serve all of them.
MANY = settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NUMBERS = st.floats() | st.integers() | st.sampled_from([0, 1, -1, 2**31, 2**63, 10**30, 1e308, 5e-324])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from([each.name for each in dataclasses.fields(TrainConfig)])
PATTERN = {"name": str, "count": int, "values?": [float], "of": {str: {"value": (float, None)}}}
TEXTS = arrays.byte_string_dtypes() | arrays.unicode_string_dtypes()
DTYPES = arrays.scalar_dtypes() | st.just(np.dtype(object)) | TEXTS


@MANY
@given(preset=st.sampled_from(list(PRESETS)), changes=st.dictionaries(FIELDS, VALUES, min_size=1, max_size=3))
def test_a_configuration_is_refused_or_survives_its_own_file(preset, changes):
    saved = {**json.loads(TrainConfig.from_preset(preset).to_json()), **changes}
    with refusing():
        config = TrainConfig.from_json(json.dumps(saved))
        assert TrainConfig.from_json(config.to_json()) == config
        assert config.suited_to(100).suited_to(100).batch_size <= config.batch_size


@MANY
@given(value=VALUES)
def test_any_json_is_no_configuration_or_one(value):
    with refusing() as answer:
        TrainConfig.from_json(json.dumps(value))
    assert answer.outcome == REFUSED


@MANY
@given(value=VALUES)
@example(value={"\n": None})
def test_a_record_is_refused_unless_it_holds_what_it_must(tmp_path, value):
    path = tmp_path / "record.json"
    whole = {"name": "first", "count": 3, "values": [0.5, 1], "of": {"a": {"value": None}}}
    for content in (value, {**whole, "of": value}, {**whole, "count": value}):
        path.write_text(json.dumps(content))
        with refusing() as answer:
            found = read_record(path, PATTERN, "make it anew")
            assert isinstance(found["name"], str)
            assert type(found["count"]) is int
            assert all(each["value"] is None or np.isreal(each["value"]) for each in found["of"].values())
        assert answer.outcome == REFUSED or content["count"] == found["count"]


@MANY
@given(content=st.binary(max_size=300))
@pytest.mark.parametrize("name", ["images.npy", "images.npz", "images.csv"])
def test_bytes_are_no_data_set_unless_they_are_one(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as refusal:
        open_dataset(str(path), data_dir=tmp_path / "cache")
    assert "\n" not in str(refusal.value)


@MANY
@given(images=arrays.arrays(DTYPES, arrays.array_shapes(min_dims=1, max_dims=4, max_side=12)))
def test_arrays_are_refused_or_become_images_of_8_bits(images):
    with refusing():
        data = open_dataset(images)
        assert data.images("train").dtype == np.uint8
        assert data.images("train").shape[1:] == data.image_shape


@pytest.fixture(scope="module")
def vae() -> VAE:
    return VAE(SHAPE, 2, widths=(4,))


@MANY
@given(
    images=arrays.arrays(
        arrays.floating_dtypes(endianness="=", sizes=(32, 64)),
        st.sampled_from([(0, *SHAPE), (1, *SHAPE), (3, *SHAPE), SHAPE, (3, 8, 8), (3, 8, 8, 3)]),
        elements=st.floats(-2.0, 2.0, width=32) | st.sampled_from([np.nan, np.inf, 0.0, 1.0, 255.0]),
        fill=st.sampled_from([0.0, 0.5, 1.0]),
    )
)
def test_images_are_refused_or_encoded_to_finite_latents(vae, images):
    is_right = images.shape[1:] == SHAPE and np.all((images > -1e-3) & (images < 1.0 + 1e-3))
    try:
        mean, log_var = vae.encode(images)
    except (ValueError, tf.errors.InvalidArgumentError) as refusal:
        assert not is_right or np.any((images < 0.0) | (images > 1.0)), refusal
        return
    assert mean.shape == log_var.shape == (len(images), 2)
    assert np.isfinite(mean).all()
    assert np.isfinite(log_var).all()
    assert is_right
