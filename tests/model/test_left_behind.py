"""A process may make one model after another: TensorFlow keeps nothing of one that is gone."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

from keras_vae.model import VAE, AveragingAdamW, export_saved_model, fit_prior, sharpen

SHAPE = (8, 8, 1)
IMAGES = np.random.default_rng(0).integers(0, 256, (40, *SHAPE), np.uint8)


def graphs() -> int:
    """Of functions of TensorFlow; what holds one holds all that its function was made of."""
    keras.backend.clear_session()
    gc.collect()
    return sum(type(each) is FuncGraph for each in gc.get_objects())


def make_and_use(folder, **options) -> None:
    model = VAE(SHAPE, 2, likelihood="gaussian", widths=(8,), seed=0, **options)
    model.awaits_prior = not model.has_learned_prior
    model.compile(AveragingAdamW(1e-3, global_clipnorm=1.0, use_ema=True, ema_momentum=0.9), jit_compile=False)
    images = IMAGES / np.float32(255)
    model.fit(images, validation_data=images, batch_size=20, verbose=0)
    sharpen(model, IMAGES, epochs=1, batch_size=20)
    if model.awaits_prior:
        fit_prior(model, IMAGES)
    export_saved_model(model, folder)


@pytest.mark.parametrize(
    "options",
    [
        {"prior": "mixture", "prior_components": 2},
        {"prior": "flow", "prior_components": 2, "network": "convolutional"},
        {"prior": "vamp", "prior_components": 2, "prior_training": "joint", "levels": 2},
    ],
)
def test_no_graph_of_a_model_is_left_when_it_is_gone(options, tmp_path):
    make_and_use(tmp_path / "first", **options)  # libraries make some of their own
    before = graphs()
    make_and_use(tmp_path / "second", **options)
    assert graphs() == before


def compiled_parts(monkeypatch, *, jit_compile: bool, updates: bool) -> int:
    """How many functions XLA is asked to compile while a model learns."""
    asked, function = [], tf.function

    def seen(*arguments, **options):
        asked.append(options.get("jit_compile"))
        return function(*arguments, **options)

    monkeypatch.setattr(tf, "function", seen)
    model = VAE(SHAPE, 2, likelihood="gaussian", widths=(8,), prior="flow", prior_components=2)
    model.awaits_prior, model.compiles_updates = True, updates
    model.compile(AveragingAdamW(1e-3), jit_compile=jit_compile)
    model.fit(IMAGES / np.float32(255), batch_size=20, verbose=0)
    sharpen(model, IMAGES, epochs=1, batch_size=20)
    fit_prior(model, IMAGES)
    return sum(map(bool, asked))


# XLA keeps what it compiles until the process ends.
def test_nothing_is_compiled_unless_asked_for(monkeypatch):
    assert compiled_parts(monkeypatch, jit_compile=False, updates=False) == 0


@pytest.mark.parametrize(("jit_compile", "updates"), [(False, True), (True, False)])
def test_updates_are_compiled_alone_or_with_all_else(monkeypatch, jit_compile, updates):
    assert compiled_parts(monkeypatch, jit_compile=jit_compile, updates=updates) >= 3
