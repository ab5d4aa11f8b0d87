"""A small page that several test files open."""

import numpy as np
import pytest
from explorer_page import SHAPE, browser_page, exhibition, open_page, write_page

from keras_vae.model import VAE


@pytest.fixture(scope="module")
def browser():
    with browser_page() as (page, problems):
        yield page
    assert problems == []  # nothing was asked of a network, and nothing went wrong


@pytest.fixture(scope="module")
def shown():
    model = VAE(SHAPE, 4, widths=(24,))
    rng = np.random.default_rng(3)
    for weight in model.encoder.trainable_weights + model.decoder.trainable_weights:
        scale = 2.0 / np.sqrt(np.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 0.3
        weight.assign(rng.normal(0.0, scale, weight.shape))
    return exhibition(model)


@pytest.fixture(scope="module")
def means(shown):
    return np.asarray(shown.model.encode(shown.images / np.float32(255))[0])


@pytest.fixture(scope="module")
def file(shown, tmp_path_factory):
    return write_page(shown, tmp_path_factory.mktemp("page") / "explorer.html")


@pytest.fixture
def page(browser, file):
    open_page(browser, file)
    return browser
