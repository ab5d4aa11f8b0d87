"""A SavedModel serves where this project is not installed."""

import json
import os
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.errors import InputError
from keras_vae.model import VAE, encode_refined, export_saved_model, fit_prior, load_model, round_to_half
from keras_vae.model.priors import PRIORS

SHAPE = (8, 8, 1)

STRANGER = """
import json, sys
import numpy as np, tensorflow as tf
sys.modules["keras_vae"] = None  # as where it is not installed: to import it is an error
served = tf.saved_model.load(sys.argv[1]).signatures
loaded = tf.saved_model.load(sys.argv[1])
images = np.load(sys.argv[2])
encoded = loaded.encode(images)
results = {
    "mean": encoded["mean"], "log_var": encoded["log_var"],
    "decoded": loaded.decode(encoded["mean"])["images"],
    "reconstructed": loaded.reconstruct(images)["images"],
    "served": served["serving_default"](tf.constant(images))["images"],
    "first": loaded.sample(3)["images"], "second": loaded.sample(3)["images"],
    "seeded": loaded.sample_seeded(3, [1, 2])["images"], "again": loaded.sample_seeded(3, [1, 2])["images"],
    "other": loaded.sample_seeded(3, [1, 3])["images"],
    "path": loaded.interpolate(images[0], images[1], 5)["images"],
    "prior": loaded.log_prior(np.zeros((2, 3), np.float32))["nats"],
    "bound": loaded.log_likelihood(images, 1000)["nats"],
    "refined": loaded.encode_refined(images, 30)["mean"],
    "one": loaded.encode(images[:1])["mean"],
}
np.savez(sys.argv[3], **{name: value.numpy() for name, value in results.items()})
print(json.dumps(sorted(served)))
"""


@pytest.fixture(scope="module")
def trained() -> VAE:
    model = VAE(SHAPE, 3, widths=(16,), seed=1)
    model.compile("adam", jit_compile=False)
    model.fit(np.round(images_like(64)), epochs=5, verbose=0)
    return model


@pytest.fixture(scope="module")
def strangers(trained, tmp_path_factory):
    """What two processes that cannot import this project get from the same SavedModel, and the endpoints they see."""
    folder = tmp_path_factory.mktemp("elsewhere")
    saved = export_saved_model(trained, folder / "saved_model")
    np.save(folder / "images.npy", images_like(6))
    answers = []
    for number in (1, 2):
        results = folder / f"{number}.npz"
        process = subprocess.run(
            [sys.executable, "-c", STRANGER, saved, folder / "images.npy", results],
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        answers.append((dict(np.load(results)), json.loads(process.stdout)))
    return answers


def images_like(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, *SHAPE), np.float32)


def test_every_endpoint_is_served(strangers):
    images = "decode decode_prior encode encode_refined interpolate reconstruct sample sample_seeded serving_default"
    assert strangers[0][1] == sorted([*images.split(), "log_likelihood", "log_prior"])


def test_a_stranger_gets_what_the_model_gives(trained, strangers):
    answer, _ = strangers[0]
    images = images_like(6)
    mean, log_var = trained.encode(images)
    assert answer["mean"] == pytest.approx(mean.numpy(), abs=1e-5)
    assert answer["log_var"] == pytest.approx(log_var.numpy(), abs=1e-4)
    assert answer["refined"] == pytest.approx(encode_refined(trained, images, 30)[0].numpy(), abs=1e-3)
    assert answer["reconstructed"] == pytest.approx(trained(images).numpy(), abs=1e-5)
    assert answer["path"] == pytest.approx(trained.interpolate(images[0], images[1], 5).numpy(), abs=1e-5)


def test_decode_of_encode_is_reconstruct_which_is_the_default(strangers):
    answer, _ = strangers[0]
    assert np.array_equal(answer["decoded"], answer["reconstructed"])
    assert np.array_equal(answer["served"], answer["reconstructed"])


def test_samples_are_new_at_every_call_and_in_every_process(strangers):
    draws = [answer[name] for answer, _ in strangers for name in ("first", "second")]
    assert all(draw.shape == (3, *SHAPE) for draw in draws)
    assert all(not np.allclose(draws[i], draws[j]) for i in range(4) for j in range(i))


def test_samples_with_a_seed_are_the_same_in_every_process(strangers):
    first, second = (answer for answer, _ in strangers)
    assert np.array_equal(first["seeded"], first["again"])
    assert np.array_equal(first["seeded"], second["seeded"])
    assert not np.allclose(first["seeded"], first["other"])


def test_batch_size_is_free(strangers):
    answer, _ = strangers[0]
    assert answer["one"] == pytest.approx(answer["mean"][:1], abs=1e-5)


def test_log_prior_is_the_standard_normal_density(strangers):
    assert strangers[0][0]["prior"] == pytest.approx([-1.5 * np.log(2 * np.pi)] * 2, rel=1e-5)


def test_the_bound_is_a_score_for_each_image_with_new_noise_in_every_process(trained, strangers):
    first, second = (answer["bound"] for answer, _ in strangers)
    expected = trained.log_likelihood(images_like(6), 1000, (5, 5)).numpy()
    assert first.shape == (6,)
    assert not np.array_equal(first, second)
    # The mean of six differs from draw to draw by 0.3 nats (standard deviation).
    assert first.mean() == pytest.approx(expected.mean(), abs=2.0)


def test_images_lie_in_the_unit_interval(strangers):
    for name in ("decoded", "first", "path"):
        assert strangers[0][0][name].min() >= 0.0
        assert strangers[0][0][name].max() <= 1.0


def test_a_missing_or_damaged_model_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no model at .*vae\.keras"):
        load_model(tmp_path / "vae.keras")
    (tmp_path / "vae.keras").write_bytes(b"not a model")
    with pytest.raises(InputError, match=r"vae\.keras is not a model that can be loaded"):
        load_model(tmp_path / "vae.keras")


@pytest.mark.parametrize("layers", [[keras.layers.Lambda(lambda values: values)], [keras.layers.Dense(2)]])
def test_a_file_of_others_is_refused_in_one_line_and_runs_no_code(layers, tmp_path):
    keras.Sequential([keras.Input((3,)), *layers]).save(tmp_path / "foreign.keras")
    with pytest.raises(InputError, match=r"foreign\.keras (is not a model that can be|holds a Sequential)") as refused:
        load_model(tmp_path / "foreign.keras")
    assert "\n" not in str(refused.value)


def test_a_file_that_unpacks_to_more_than_the_memory_holds_is_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "vae.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(10_000_000))
    assert (tmp_path / "vae.keras").stat().st_size < 20_000
    monkeypatch.setattr("keras_vae.memory.available_memory", lambda: 5e6)
    with pytest.raises(InputError, match=r"unpacks to 0\.0 GB, and 0\.0 GB of memory are free"):
        load_model(tmp_path / "vae.keras")


@pytest.mark.parametrize("prior", PRIORS)
def test_a_saved_model_gives_the_keras_model_back(prior, tmp_path):
    model = VAE(SHAPE, 3, widths=(16,), likelihood="discretized_logistic", prior=prior, prior_components=4)
    images = np.random.default_rng(0).integers(0, 256, (200, *SHAPE), np.uint8)
    if prior in ("mixture", "flow"):
        fit_prior(model, images, np.arange(200) % 2)
    back = load_model(export_saved_model(model, tmp_path / "saved_model"))
    assert back.get_config() == model.get_config()
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(model.weights, back.weights, strict=True))
    assert back.prior.classes == model.prior.classes


@pytest.mark.parametrize("rounded", [True, False])
def test_weights_that_half_precision_holds_take_half_the_room(rounded, tmp_path):
    model = VAE(SHAPE, 3, widths=(200,))
    images = images_like(6)
    before = model(images).numpy()
    if rounded:
        round_to_half(model.weights)
    saved = export_saved_model(model, tmp_path / "saved_model")
    size = (saved / "variables" / "variables.data-00000-of-00001").stat().st_size
    weights = sum(weight.numpy().size for weight in model.weights)
    assert size == pytest.approx((2 if rounded else 4) * weights, rel=0.1)
    assert np.array_equal(load_model(saved)(images), model(images))
    assert model(images).numpy() == pytest.approx(before, abs=2e-3 if rounded else 0.0)


def test_a_weight_that_half_precision_cannot_hold_is_left_alone():
    weight = keras.Variable(np.array([1.0, 1e6], np.float32))
    round_to_half([weight])
    assert np.array_equal(weight.numpy(), [1.0, 1e6])


def test_a_damaged_saved_model_is_named(tmp_path):
    saved = export_saved_model(VAE(SHAPE, 3, widths=(16,)), tmp_path / "saved_model")
    (saved / "saved_model.pb").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is not a SavedModel that can be loaded"):
        load_model(saved)


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory):
    return tf.saved_model.load(str(export_saved_model(trained, tmp_path_factory.mktemp("served") / "saved_model")))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("endpoint", "width"), [("decode", 3), ("log_prior", 3), ("decode_prior", 4)])
def test_latents_and_noise_that_are_not_finite_are_refused(endpoint, width, value, served):
    given = np.zeros((2, width), np.float32)
    assert all(np.isfinite(each).all() for each in getattr(served, endpoint)(given).values())
    given[1, 0] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be finite"):
        getattr(served, endpoint)(given)
