"""Pictures show the right image in the right place."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_vae.model import VAE, posterior_means
from keras_vae.plotting import draw_pictures, labelled_grid, png, rendered, svg
from keras_vae.plotting.grids import enlarge, mosaic
from keras_vae.plotting.model_grids import draw_manifold


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("gap", [0, 3])
def test_a_mosaic_has_each_image_at_its_row_and_column(channels, gap):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, channels), np.uint8)
    picture = mosaic(images, gap=gap, background=7)
    assert picture.shape == (2 * 4 + gap, 3 * 5 + 2 * gap, channels)
    for row in range(2):
        for column in range(3):
            top, left = row * (4 + gap), column * (5 + gap)
            assert np.array_equal(picture[top : top + 4, left : left + 5], images[row, column])
    assert gap == 0 or (picture[4 : 4 + gap] == 7).all()


def test_floats_become_bytes_by_rounding_and_clipping():
    images = np.array([-0.5, 0.0, 0.5, 1.0, 2.0], np.float32).reshape(1, 5, 1, 1, 1)
    assert mosaic(images, gap=0).ravel().tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("name", ["$", "$x$", r"$\frac{$", "a $ b $ c", r"\$", "{", "_^"])
def test_names_are_drawn_as_they_are_written(name):
    def drawn(name: str) -> np.ndarray:
        images = np.zeros((1, 1, 4, 4, 1), np.uint8)
        figure = labelled_grid(images, title=name, note=name, row_labels=[name], column_labels=[name])
        assert svg(figure)
        return rendered(figure)

    # A formula would be narrower than its source: what is drawn has the dollar signs.
    assert not np.array_equal(drawn(name), drawn("." * len(name)))
    assert len({drawn(f"{name}{more}").tobytes() for more in ("", "$", "$$")}) == 3


def test_enlarging_repeats_pixels():
    image = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    assert enlarge(image, 3)[::3, ::3].tolist() == image.tolist()
    assert enlarge(image, 3).shape == (6, 6, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_gives_back_the_pixels(channels):
    image = np.random.default_rng(0).integers(0, 256, (6, 5, channels), np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(image)))).reshape(image.shape), image)


def test_labels_and_title_are_drawn_where_they_are_asked_for():
    images = np.zeros((2, 3, 8, 8, 1), np.float32)
    figure = labelled_grid(images, title="A title", row_labels=["upper", "lower"], column_labels=["a", "b", "c"])
    (axes,) = figure.axes
    assert [text.get_text() for text in figure.texts] == ["A title"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["upper", "lower"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a", "b", "c"]
    assert rendered(figure).shape[2] == 3


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 12, 3)])
@pytest.mark.parametrize("latent_dim", [1, 2, 20])
def test_every_picture_is_drawn_for_any_shape_and_latent_size(shape, latent_dim):
    model = VAE(shape, latent_dim, widths=(8,))
    images = np.random.default_rng(0).integers(0, 256, (30, *shape), np.uint8)
    pictures = draw_pictures(model, images, np.arange(30) % 12, [f"class {label}" for label in range(12)])
    expected = {"samples", "reconstructions", "traversal", "interpolation"} | (
        {"manifold"} if latent_dim == 2 else set()
    )
    assert set(pictures) == expected
    assert all(picture.dtype == np.uint8 and picture.ndim == 3 for picture in pictures.values())


def test_samples_are_drawn_from_the_same_latents_every_time():
    model = VAE((8, 8, 1), 3, widths=(8,))
    images = np.zeros((4, 8, 8, 1), np.uint8)
    first, again = (draw_pictures(model, images, np.arange(4) % 2, ["a", "b"], seed=5)["samples"] for _ in range(2))
    assert np.array_equal(first, again)


def test_the_plane_of_latents_runs_from_left_to_right_and_from_bottom_to_top():
    model = VAE((8, 8, 1), 2, widths=(8,))
    plane = draw_manifold(model, side=2)
    corner = model.decode(np.array([[0.6744898, 0.6744898]], np.float32)).numpy()[0]
    assert plane[0:16:2, 16:32:2] == pytest.approx(np.rint(255 * corner), abs=1)


def test_posterior_means_are_those_of_the_encoder_whatever_the_batch_size():
    model = VAE((8, 8, 1), 3, widths=(8,))
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 1), np.uint8)
    expected = model.encode(images / np.float32(255))[0].numpy()
    assert posterior_means(model, images, batch_size=4) == pytest.approx(expected, abs=1e-6)
