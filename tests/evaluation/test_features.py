"""Feature networks take the images that they are made for, and are named where they cannot be had."""

import keras
import numpy as np
import pytest
from commands import command

from keras_vae.data import open_dataset
from keras_vae.data.colour_shapes import draw_shapes
from keras_vae.errors import InputError
from keras_vae.evaluation import classifier_accuracy, feature_extractor, load_classifier, train_classifier
from keras_vae.evaluation.classifier import CLASSIFIER_WEIGHTS, build_classifier
from keras_vae.evaluation.features import FeatureNetwork, open_features, train_features


def images_like(count: int, shape=(28, 28, 1)) -> np.ndarray:
    return np.random.default_rng(0).random((count, *shape), np.float32)


@pytest.fixture(scope="module")
def shipped() -> keras.Model:
    return load_classifier()


def test_the_shipped_classifier_is_as_accurate_as_its_page_says(shipped, fashion_mnist):
    accuracy = classifier_accuracy(shipped, fashion_mnist, "test")
    assert accuracy >= 0.92
    page = " ".join((CLASSIFIER_WEIGHTS.parent / "README.md").read_text().split())
    assert f"{accuracy:.2%} of the 10,000 test images" in page


def test_the_shipped_classifier_is_small():
    assert CLASSIFIER_WEIGHTS.stat().st_size < 2_000_000


def test_the_logits_follow_from_the_features(shipped):
    images = images_like(5)
    features = feature_extractor(shipped)(images).numpy()
    assert features.shape == (5, 128)
    kernel, bias = shipped.get_layer("logits").get_weights()
    assert shipped(images).numpy() == pytest.approx(features @ kernel + bias, abs=1e-3)


def test_features_of_batches_are_those_of_the_images(shipped):
    images = images_like(7)
    features = open_features("classifier", (28, 28, 1))
    expected = feature_extractor(shipped)(images).numpy()
    assert features([images[:4], images[4:]]) == pytest.approx(expected, abs=1e-3)
    assert features([images[:4], images[4:]], devices=("CPU:0", "CPU:1")) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("shape", [(28, 28, 3), (32, 32, 1)])
def test_the_classifier_refuses_images_of_another_shape_and_says_what_to_do(shape):
    with pytest.raises(InputError, match=r"28 x 28 x 1.*--features own.*--features inception"):
        open_features("classifier", shape)


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_weights_that_cannot_be_read_are_named(tmp_path, content):
    path = tmp_path / "other.weights.h5"
    if content:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.weights\.h5"):
        load_classifier(path)


def test_a_classifier_learns_and_keeps_what_it_learnt(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for label in range(10):
        (tmp_path / "digits" / str(label)).mkdir(parents=True)
        for number in range(40):
            image = rng.integers(0, 60, (28, 28), np.uint8)
            image[2 + 2 * label : 6 + 2 * label, 4:24] += 190
            Image.fromarray(image).save(tmp_path / "digits" / str(label) / f"{number}.png")
    data = open_dataset(str(tmp_path / "digits"))
    classifier = train_classifier(data, epochs=30)
    # Ten classes, 60 test images: chance is 0.1, with a standard error of 0.04.
    assert classifier_accuracy(classifier, data, "test") > 0.3
    classifier.save_weights(tmp_path / "kept.weights.h5")
    images = images_like(3)
    assert np.array_equal(load_classifier(tmp_path / "kept.weights.h5")(images), classifier(images))


def test_a_classifier_is_not_trained_on_images_of_another_shape(picture_folder):
    with pytest.raises(InputError, match="28 x 28 x 1 in ten classes"):
        train_classifier(open_dataset(str(picture_folder)))


def test_the_same_seed_makes_the_same_classifier():
    images = images_like(2)
    assert np.array_equal(build_classifier(1)(images), build_classifier(1)(images))
    assert not np.allclose(build_classifier(1)(images), build_classifier(2)(images))


def test_inception_without_its_weights_is_an_error_and_never_another_network(tmp_path):
    with pytest.raises(InputError, match=r"no weights at .*inception\.h5.*--inception-weights"):
        open_features("inception", (28, 28, 1), tmp_path / "inception.h5")
    (tmp_path / "inception.h5").write_bytes(b"not weights")
    with pytest.raises(InputError, match="InceptionV3 cannot have its weights"):
        open_features("inception", (28, 28, 1), tmp_path / "inception.h5")


def test_inception_that_cannot_be_downloaded_says_how_to_give_it(monkeypatch, tmp_path):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setattr("urllib.request._opener", None)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    with pytest.raises(InputError, match="connect to the network, or give the path of a file by --inception-weights"):
        open_features("inception", (28, 28, 1))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_inception_takes_grey_and_colour_images_of_any_size(tmp_path, channels):
    network = keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
    network.save_weights(tmp_path / "inception.weights.h5")
    images = images_like(2, (28, 28, channels))
    features = open_features("inception", (28, 28, channels), tmp_path / "inception.weights.h5")([images])
    colour = np.broadcast_to(images, (2, 28, 28, 3))
    enlarged = keras.ops.image.resize(colour, (299, 299), interpolation="bilinear")
    assert features.shape == (2, 2048)
    assert features == pytest.approx(network(2.0 * enlarged - 1.0).numpy(), abs=1e-3)


def test_a_feature_network_is_known_by_its_weights(shipped):
    networks = [open_features("classifier", (28, 28, 1)) for _ in range(2)]
    assert networks[0].digest == networks[1].digest
    layer = networks[1].model.get_layer("features")
    layer.set_weights([weights + 1 for weights in layer.get_weights()])
    changed = FeatureNetwork("classifier", networks[1].model, 10)
    assert changed.digest != networks[0].digest


def test_the_shipped_classifier_is_not_overwritten_unless_it_is_named(tmp_path):
    before = CLASSIFIER_WEIGHTS.read_bytes()
    assert "--output" in command("train_classifier.py", "--epochs", "2", root=tmp_path, status=2).stderr
    assert CLASSIFIER_WEIGHTS.read_bytes() == before


@pytest.mark.slow
def test_features_that_large_images_in_colour_are_learned_from_tell_them_apart(tmp_path):
    images, labels = draw_shapes(320, 64, 64, np.random.default_rng(0))
    data = open_dataset(dict.fromkeys(("train", "validation", "test"), (images, labels)), name="shapes")
    features = train_features(data, tmp_path / "features.weights.h5")([images[:100] / np.float32(255)])
    assert np.ptp(features, axis=0).any()
    assert len(np.unique(features.round(3), axis=0)) > 50


def test_features_of_streamed_images_are_learned_from_as_many_as_there_is_memory_for(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_vae.evaluation.own_features.LEAST_KNOWN", 60)
    images, labels = draw_shapes(100, 16, 16, np.random.default_rng(0))
    data = open_dataset(
        dict.fromkeys(("train", "validation", "test"), (images, labels)), name="shapes", memory_budget=0
    )
    read, images_of = [], data.images
    monkeypatch.setattr(data, "images", lambda split, count=None: read.append(count) or images_of(split, count))
    train_features(data, tmp_path / "features.weights.h5")
    assert read[0] == 60


def test_features_of_few_images_are_normalised_by_their_own_statistics(tmp_path):
    images, labels = draw_shapes(60, 16, 16, np.random.default_rng(0))
    data = open_dataset(dict.fromkeys(("train", "validation", "test"), (images, labels)), name="shapes")
    pixels = images / np.float32(255)
    network = build_classifier(0, data.image_shape, len(data.class_names))
    train_features(data, tmp_path / "features.weights.h5")
    network.load_weights(tmp_path / "features.weights.h5")
    convolution = next(each for each in network.layers if isinstance(each, keras.layers.Conv2D))
    normalization = next(each for each in network.layers if isinstance(each, keras.layers.BatchNormalization))
    outputs = keras.Model(network.inputs, convolution.output)(pixels).numpy()
    np.testing.assert_allclose(normalization.moving_mean, outputs.mean(axis=(0, 1, 2)), rtol=0, atol=1e-4)
    np.testing.assert_allclose(normalization.moving_variance, outputs.var(axis=(0, 1, 2)), rtol=1e-3)


def test_a_network_that_learned_nothing_is_refused_in_one_line(tmp_path, monkeypatch):
    def silence(network: keras.Model, data: object) -> None:
        network.set_weights([np.zeros_like(each) for each in network.get_weights()])

    monkeypatch.setattr("keras_vae.evaluation.own_features._train", silence)
    data = open_dataset(np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8), name="noise")
    with pytest.raises(InputError, match=r"learned nothing.*--features inception"):
        train_features(data, tmp_path / "features.weights.h5")
    assert not list(tmp_path.iterdir())
