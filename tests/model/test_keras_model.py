"""A VAE is a Keras model for whoever handles it by Keras's own means."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.model import VAE, load_model, save_model

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).random((20, *SHAPE), np.float32)


@pytest.fixture(scope="module")
def model() -> VAE:
    model = VAE(SHAPE, 2, widths=(8,), prior="mixture", prior_components=3)
    model.compile("adam", jit_compile=False)
    return model


def test_keras_callbacks_stop_keep_and_restore_it(model, images, tmp_path):
    best = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True),
        keras.callbacks.EarlyStopping("val_loss", min_delta=1e9, patience=1, restore_best_weights=True),
        keras.callbacks.BackupAndRestore(tmp_path / "backup"),
    ]
    history = model.fit(images, validation_data=(images,), epochs=9, batch_size=10, verbose=0, callbacks=callbacks)
    assert len(history.history["val_loss"]) == 2  # nothing is better by so much
    assert load_model(best).evaluate(images, batch_size=10, verbose=0, return_dict=True)["loss"] == pytest.approx(
        min(history.history["val_loss"]), rel=1e-5
    )


class Stop(keras.callbacks.Callback):
    """Breaks a training off in its third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_keras_takes_up_a_training_that_was_broken_off(images, tmp_path):
    model = VAE(SHAPE, 2, widths=(8,))
    model.compile("adam", jit_compile=False)
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        model.fit(images, epochs=5, verbose=0, callbacks=[backup, Stop()])
    again = VAE(SHAPE, 2, widths=(8,), seed=1)
    again.compile("adam", jit_compile=False)
    history = again.fit(images, epochs=5, verbose=0, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "backup")])
    assert history.epoch == [2, 3, 4]
    assert int(again.optimizer.iterations) == 5


def test_a_loaded_model_exports_itself_by_keras(model, images, tmp_path):
    loaded = load_model(save_model(model, tmp_path / "vae.keras"))
    loaded.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    assert exported.serve(images).numpy() == pytest.approx(model(images).numpy(), abs=1e-5)


def test_its_summary_counts_its_weights_and_its_clone_is_made_alike(model):
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    assert "encoder" in "\n".join(lines)
    clone = keras.models.clone_model(model)
    assert clone.get_config() == model.get_config()
    assert clone is not model


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (lambda images: images[..., 0], r"not of shape \(20, 8, 8\): add the axis of channels, images\[\.\.\., None\]"),
        (lambda images: images[:, :4], r"not of shape \(20, 4, 8, 1\): give images of this shape"),
        (lambda images: (255 * images).astype(np.uint8), "not uint8: divide them, images / 255"),
        (lambda images: 200 * images, "not from .* to .*: divide 8-bit values by 255"),
        (lambda images: np.full_like(images, np.nan), "not from nan to nan"),
        (lambda images: tf.data.Dataset.from_tensor_slices(images[..., 0]).batch(5), r"\(None, 8, 8\): add the axis"),
        (lambda images: tf.data.Dataset.from_tensor_slices(200 * images).batch(5), "divide 8-bit values by 255"),
        (lambda images: tf.data.Dataset.from_tensors((200 * images, images)), "divide 8-bit values by 255"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_images_that_it_cannot_take_are_named_in_one_line(method, form, message, model, images):
    with pytest.raises(ValueError, match=rf"Images must be \(n, 8, 8, 1\) float32 in \[0, 1\], .*{message}") as caught:
        getattr(model, method)(form(images))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("method", ["encode", "train_on_batch", "test_on_batch", "predict_on_batch"])
@pytest.mark.parametrize(
    ("form", "message"),
    [
        (lambda images: (255 * images).astype(np.uint8), "not uint8: divide them, images / 255"),
        (lambda images: tf.constant(200 * images), "not from .* to .*: divide 8-bit values by 255"),
        (lambda images: images[..., 0], "add the axis of channels"),
    ],
)
def test_a_batch_that_it_cannot_take_is_named_in_one_line(method, form, message, model, images):
    with pytest.raises(ValueError, match=message) as caught:
        getattr(model, method)(form(images))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("method", "form"),
    [
        *((method, lambda images: images[:0]) for method in ("fit", "evaluate", "predict", "predict_on_batch")),
        *((method, lambda images: batches_of(images).take(0)) for method in ("fit", "evaluate", "predict")),
        *((method, lambda images: Batches(images[:0])) for method in ("fit", "evaluate", "predict")),
    ],
)
def test_no_images_are_named_in_one_line(method, form, model, images):
    with pytest.raises(ValueError, match="there are none: give some") as caught:
        getattr(model, method)(form(images))
    assert len(str(caught.value).splitlines()) == 1


class Batches(keras.utils.PyDataset):
    """Images in batches of five."""

    def __init__(self, images: np.ndarray) -> None:
        super().__init__()
        self._images = images

    def __len__(self) -> int:
        return len(self._images) // 5

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        return self._images[5 * number : 5 * number + 5], np.zeros(5)


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_images_that_come_by_a_py_dataset_are_looked_at(method, model, images):
    getattr(model, method)(Batches(images))
    with pytest.raises(ValueError, match="divide 8-bit values by 255"):
        getattr(model, method)(Batches(200 * images))


def test_images_may_be_gathered_in_a_tuple(model, images):
    assert np.array_equal(model.encode(tuple(images[:2]))[0], model.encode(list(images[:2]))[0])


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (lambda images: (images, np.zeros(20)), "Images must be an array, not a tuple"),
        (lambda images: {"image": images}, "Images must be an array, not a dict"),
        (
            lambda images: tf.data.Dataset.from_tensors({"image": images, "label": np.zeros(20)}),
            "not a dict of image, label: `map` them",
        ),
    ],
)
def test_images_among_other_things_are_asked_for_alone(form, message, model, images):
    for method in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match=message):
            method(form(images))


def batches_of(images: np.ndarray) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(images).batch(5)
