"""What Keras's users do with models and layers works, or is refused in one line."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.model import VAE, encode_refined, fit_prior, fit_variance, importance_weighted_bounds, save_model
from keras_vae.model.distributions import likelihood_mean, likelihood_nll
from keras_vae.model.optimizer import AveragingAdamW

SHAPE = (8, 8, 1)
IMAGES = np.random.default_rng(0).random((20, *SHAPE), np.float32)
PIXELS = np.round(IMAGES * 255).astype(np.uint8)
NOISY = np.clip(IMAGES + 0.1, 0.0, 1.0)


def small(**options) -> VAE:
    return VAE(SHAPE, 2, **{"widths": (8,), **options})


@pytest.mark.parametrize("options", [{"prior": "mixture", "prior_components": 3}, {"prior": "flow"}, {"levels": 2}])
def test_what_no_gradient_moves_stays_so_where_a_model_is_frozen_and_freed(options):
    vae = small(**options)
    before = {weight.path for weight in vae.trainable_variables}
    vae.trainable = False
    assert not vae.trainable_variables
    vae.trainable = True
    assert {weight.path for weight in vae.trainable_variables} == before
    vae.encoder.trainable = False
    vae.encoder.trainable = True
    assert {weight.path for weight in vae.trainable_variables} == before


@pytest.mark.parametrize("options", [{}, {"network": "convolutional"}, {"dtype": "mixed_bfloat16"}])
@pytest.mark.parametrize("network", ["encoder", "decoder"])
def test_networks_are_cloned_and_saved_by_keras(tmp_path, options, network):
    model = getattr(VAE(SHAPE, 2, widths=(8,), **options), network)
    inputs = IMAGES if network == "encoder" else np.ones((3, 2), np.float32)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    model.save(tmp_path / "network.keras")
    for copy in (clone, keras.models.load_model(tmp_path / "network.keras")):
        assert np.array_equal(copy(inputs), model(inputs))


@pytest.mark.parametrize("count", [1, 2])
def test_the_bound_of_one_image_is_computed_in_a_graph_as_of_several(count):
    vae = small()
    together = np.concatenate(list(importance_weighted_bounds(vae, [IMAGES[:10], IMAGES[10 : 10 + count]], 5)))
    assert together.shape == (10 + count,)
    assert np.concatenate(list(importance_weighted_bounds(vae, [IMAGES[:count]], 5))).shape == (count,)


def test_numbers_of_samples_and_steps_may_be_of_64_bits():
    vae = small()
    assert tf.function(vae.log_likelihood)(IMAGES, tf.constant(5, tf.int64)).shape == (20,)
    assert encode_refined(vae, IMAGES, tf.constant(2, tf.int64))[0].shape == (20, 2)


def test_whole_numbers_are_refused_as_images_in_a_graph_too():
    vae = small()
    for method in (vae.encode, vae):
        with pytest.raises(ValueError, match="divide them, images / 255"):
            tf.function(lambda images, method=method: method(images))(tf.constant(PIXELS))


@pytest.mark.parametrize("use", ["fit", "train_on_batch"])
def test_another_loss_is_refused_not_ignored(use):
    vae = small()
    vae.compile("adam", loss="mse")
    with pytest.raises(ValueError, match="compile it without another"):
        getattr(vae, use)(IMAGES)


@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_weights_of_images_are_refused(name):
    vae = small()
    vae.compile("adam")
    with pytest.raises(ValueError, match=f"leave {name} out"):
        vae.fit(IMAGES, **{name: np.ones(20)}, verbose=0)
    with pytest.raises(ValueError, match="leave sample_weight out"):
        vae.evaluate(IMAGES, sample_weight=np.ones(20), verbose=0)


def test_validation_looks_at_its_data_once():
    read = []

    def images():
        read.append(1)
        yield IMAGES

    spec = tf.TensorSpec((20, *SHAPE), tf.float32)
    vae = small()
    vae.compile("adam")
    vae.fit(IMAGES, validation_data=tf.data.Dataset.from_generator(images, output_signature=spec), epochs=3, verbose=0)
    assert len(read) == 1 + 3  # a look before the training, and an evaluation after each epoch
    with pytest.raises(ValueError, match="divide 8-bit values by 255"):
        vae.fit(IMAGES, validation_data=(255 * IMAGES,), verbose=0)


def test_the_variance_is_that_of_the_images_from_the_first_epoch_on():
    images = 0.5 + 0.05 * np.random.default_rng(0).standard_normal((640, *SHAPE)).astype(np.float32)
    vae = small(likelihood="gaussian")
    vae.compile(keras.optimizers.Adam(1e-3))
    vae.fit(images, batch_size=32, epochs=1, verbose=0)
    error = float(np.mean(np.square(images - vae.predict(images, verbose=0))))
    assert float(vae.variance) == pytest.approx(error, rel=0.3)


def test_a_variance_that_is_learned_rises_from_the_least_that_it_may_be():
    vae = small(likelihood="gaussian", learns_variance=True)
    vae.log_variance.assign(np.log(1e-6))
    vae.compile(keras.optimizers.Adam(0.05))
    vae.fit(IMAGES, epochs=10, verbose=0)
    assert float(vae.log_variance) > np.log(1e-6)


@pytest.mark.parametrize("policy", ["float64", "mixed_float16"])
def test_a_policy_that_a_vae_does_not_compute_by_is_refused(policy):
    with pytest.raises(ValueError, match=f"not in {policy}"):
        small(dtype=policy)


@pytest.mark.parametrize("labels", [np.zeros(10, int), np.zeros(30, int), np.array(["a"] * 20), np.zeros(20)])
def test_a_prior_is_fitted_by_one_whole_number_for_each_image(labels):
    with pytest.raises(ValueError, match=r"Labels must be whole numbers from 0 on \(20,\)"):
        fit_prior(small(prior="mixture", prior_components=2), PIXELS, labels)


def test_no_images_are_refused_and_change_nothing():
    vae = small(likelihood="gaussian", prior="mixture", prior_components=2)
    before = vae.get_weights()
    for use in (vae.adapt, lambda images: fit_variance(vae, images), lambda images: fit_prior(vae, images)):
        with pytest.raises(ValueError, match="there are none"):
            use(PIXELS[:0])
    assert all(np.array_equal(one, other) for one, other in zip(before, vae.get_weights(), strict=True))


def test_a_model_is_saved_to_a_file_that_can_be_loaded(tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.keras"):
        save_model(small(), tmp_path / "model.h5")


@keras.saving.register_keras_serializable(package="tests")
class WithMore(VAE):
    """A VAE with a layer and a metric of its own."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.head = keras.layers.Dense(3)
        self.head.build((None, self.latent_dim))
        self.seen = keras.metrics.Sum("seen")

    def train_step(self, data):
        logs = super().train_step(data)
        self.seen.update_state(tf.shape(keras.utils.unpack_x_y_sample_weight(data)[0])[0])
        return {**logs, "seen": self.seen.result()}


def test_a_subclass_adds_layers_and_metrics(tmp_path):
    vae = WithMore(image_shape=SHAPE, latent_dim=2, widths=(8,))
    vae.compile("adam")
    history = vae.fit(IMAGES, epochs=2, batch_size=10, verbose=0).history
    assert history["seen"] == [20, 20]  # its own metric begins anew with each epoch
    vae.save(tmp_path / "more.keras")
    loaded = keras.saving.load_model(tmp_path / "more.keras")
    assert np.array_equal(loaded.head.kernel, vae.head.kernel)
    assert np.array_equal(loaded(IMAGES), vae(IMAGES))


@keras.saving.register_keras_serializable(package="tests")
class WithAnotherLoss(VAE):
    """A VAE that adds a loss where Keras's own training step would find it."""

    def elbo_terms_of(self, *arguments, **options):
        self.add_loss(tf.constant(1.0))
        return super().elbo_terms_of(*arguments, **options)


def test_a_loss_that_a_subclass_adds_is_refused_not_ignored():
    vae = WithAnotherLoss(image_shape=SHAPE, latent_dim=2, widths=(8,))
    vae.compile("adam")
    with pytest.raises(ValueError, match="A VAE has no loss but its own"):
        vae.fit(IMAGES, verbose=0)


def test_a_regularizer_is_refused_not_ignored():
    vae = small()
    vae.decoder.trainable_variables[0].regularizer = keras.regularizers.L2(0.1)
    vae.compile("adam")
    for use in (vae.fit, vae.evaluate, vae.train_on_batch):
        with pytest.raises(ValueError, match="A VAE has no loss but its own"):
            use(IMAGES)


def test_keras_alone_opens_what_was_trained_with_averaged_weights_once_it_knows_a_vae(tmp_path):
    vae = small()
    vae.compile(AveragingAdamW(1e-3, use_ema=True))
    vae.fit(IMAGES, verbose=0)
    vae.save(tmp_path / "vae.keras")
    words = f"from keras_vae import VAE; import keras; keras.saving.load_model({str(tmp_path / 'vae.keras')!r})"
    subprocess.run([sys.executable, "-c", words], check=True)


@pytest.mark.parametrize("name", ["metrics", "weighted_metrics"])
def test_metrics_that_a_vae_would_not_look_at_are_refused(name):
    vae = small()
    vae.compile("adam", **{name: ["mae"]})
    for method in (vae.fit, vae.evaluate, vae.train_on_batch):
        with pytest.raises(ValueError, match="compile it without other metrics"):
            method(IMAGES)


def test_targets_other_than_the_images_are_refused():
    vae = small()
    vae.compile("adam")
    with pytest.raises(ValueError, match="leave the targets out"):
        vae.fit(np.clip(IMAGES + 0.1, 0.0, 1.0), IMAGES, verbose=0)
    vae.fit(IMAGES, IMAGES.copy(), verbose=0)
    vae.fit(IMAGES, np.arange(len(IMAGES)), verbose=0)  # labels are not looked at


class Pairs(keras.utils.PyDataset):
    """Noisy images with the clean ones."""

    def __init__(self) -> None:
        super().__init__()

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return NOISY, IMAGES


@pytest.mark.parametrize("given", ["arrays", "data set", "PyDataset"])
@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_other_images_as_targets_are_refused_however_they_are_given(method, given):
    vae = small()
    vae.compile("adam", jit_compile=False)
    pairs = {
        "arrays": (NOISY, IMAGES),
        "data set": (tf.data.Dataset.from_tensor_slices((NOISY, IMAGES)).batch(8),),
        "PyDataset": (Pairs(),),
    }
    with pytest.raises(ValueError, match="leave the targets out"):
        getattr(vae, method)(*pairs[given], verbose=0)
    with pytest.raises(ValueError, match="leave the targets out"):
        vae.fit(IMAGES, validation_data=pairs[given] if given == "arrays" else pairs[given][0], verbose=0)
    same = tf.data.Dataset.from_tensor_slices((IMAGES, IMAGES)).batch(8)
    getattr(vae, method)(same, verbose=0)


@pytest.mark.parametrize("listed", [list, lambda images: images.tolist()], ids=["arrays", "numbers"])
def test_a_list_of_images_is_those_images(listed):
    losses = []
    for given in (IMAGES, listed(IMAGES)):
        keras.utils.set_random_seed(0)
        vae = small()
        vae.compile("adam", jit_compile=False)
        vae.fit(given, validation_data=(given, None), epochs=2, verbose=0)
        losses.append(vae.evaluate(given, verbose=0))
        assert vae.predict(given, verbose=0).shape == IMAGES.shape
    assert losses[0] == losses[1]
    with pytest.raises(ValueError, match="divide 8-bit values by 255"):
        small().encode([image * 255 for image in IMAGES])


def test_what_cannot_be_trained_says_so():
    vae = small(dropout=0.1)
    vae.compile("adam", jit_compile=False)
    vae.objective_samples = 3
    with pytest.raises(ValueError, match="set objective_samples to 1"):
        vae.fit(IMAGES, verbose=0)
    frozen = small()
    frozen.trainable = False
    frozen.compile("adam", jit_compile=False)
    with pytest.raises(ValueError, match="Nothing of this model is trainable"):
        frozen.fit(IMAGES, verbose=0)


def test_a_likelihood_that_there_is_not_is_no_other_one():
    for function in (lambda name: likelihood_nll(name, IMAGES, IMAGES), lambda name: likelihood_mean(name, IMAGES)):
        with pytest.raises(ValueError, match="likelihood must be one of bernoulli"):
            function("normal")
    with pytest.raises(ValueError, match="has no variance"):
        fit_variance(small(), PIXELS)
