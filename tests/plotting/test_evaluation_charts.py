"""Charts show the numbers that they are given, whole and in order, for any number of latents and classes."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from keras_vae.plotting import (
    chart_aggregate_posterior,
    chart_error_by_class,
    chart_error_map,
    chart_kl_by_latent,
    chart_neighbours,
    chart_reconstructions,
    rendered,
)
from keras_vae.plotting.style import BLUE


def errors_of(**values: float) -> dict:
    return {name: {"value": value, "standard_error": 0.01, "images": 10} for name, value in values.items()}


def is_whole(figure) -> bool:
    """Whether everything that is drawn lies within the figure."""
    rendered(figure)
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height


def test_classes_are_ordered_by_the_error_of_the_second_method():
    figure = chart_error_by_class({"PCA": errors_of(a=3, b=1, c=2), "run": errors_of(a=0.5, b=0.9, c=0.1)}, "A title")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a", "c"]  # from below: c is best, on top
    assert axes.containers[1].lines[0].get_xdata().tolist() == [0.9, 0.5, 0.1]
    assert axes.containers[0].lines[0].get_xdata().tolist() == [1, 3, 2]
    assert is_whole(figure)


def test_a_class_of_one_image_has_a_dot_without_a_bar():
    errors = {"a": {"value": 1.0, "standard_error": None, "images": 1}}
    assert rendered(chart_error_by_class({"PCA": errors, "run": errors}, "A title")).std() > 0


@pytest.mark.parametrize(("channels", "titles"), [(1, [""]), (3, ["red: 0", "green: 1", "blue: 2"])])
def test_errors_are_mapped_by_channel_on_one_scale(channels, titles):
    errors = np.zeros((8, 12, channels)) + np.arange(channels)
    figure = chart_error_map(errors, "10 test images")
    *maps, _ = figure.axes
    assert [axes.get_title().split(".")[0] for axes in maps] == titles
    assert all(axes.images[0].get_clim() == pytest.approx((0.0, errors.max()), abs=1e-9) for axes in maps)
    assert is_whole(figure)


@pytest.mark.parametrize("latent_dim", [1, 2, 16, 128])
def test_latents_are_ordered_by_their_kl_and_active_ones_are_coloured(latent_dim):
    kl = np.random.default_rng(0).permutation(np.linspace(0.001, 3.0, latent_dim))
    figure = chart_kl_by_latent(kl, kl > 2.0)
    (axes,) = figure.axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == sorted(kl, reverse=True)[:64]
    assert axes.get_xticklabels()[0].get_text() == str(kl.argmax())
    blue = [height for height, bar in zip(heights, axes.patches, strict=True) if to_hex(bar.get_facecolor()) == BLUE]
    assert blue == [height for height in heights if height > 2.0]
    title, note = (text.get_text() for text in figure.texts[:2])
    assert title == f"{(kl > 2.0).sum()} of {latent_dim} latents are active"
    assert note.startswith(f"KL to N(0, 1), together {kl.sum():.2f} nats")
    assert is_whole(figure)


@pytest.mark.parametrize(("latent_dim", "panels"), [(1, 2), (2, 3), (16, 12), (128, 12)])
def test_the_aggregate_posterior_is_shown_by_latent_and_by_distance(latent_dim, panels):
    latents = np.random.default_rng(0).standard_normal((500, latent_dim))
    prior = 2.0 * np.random.default_rng(1).standard_normal((500, latent_dim))
    figure = chart_aggregate_posterior(latents, prior, np.linspace(1.0, 0.5, latent_dim), np.zeros((500, latent_dim)))
    assert len(figure.axes) == panels
    assert figure.axes[0].get_title() == "latent 0: 1.00 nats, width 1.00"
    assert figure.axes[-1].get_title() == "distance from the origin"
    assert is_whole(figure)


def test_latents_that_tell_nothing_are_left_out():
    latents = np.random.default_rng(0).standard_normal((100, 3))
    figure = chart_aggregate_posterior(latents, latents, np.array([0.0, 2.0, 0.001]), np.zeros((100, 3)))
    assert [axes.get_title()[:8] for axes in figure.axes] == ["latent 1", "distance"]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_above_their_reconstructions(channels):
    images, copies = np.zeros((3, 4, 8, 8, channels)), np.ones((3, 4, 8, 8, channels))
    figure = chart_reconstructions(images, copies, ["best", "typical", "worst"])
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["best", "reconstruction", "typical", "reconstruction", "worst", "reconstruction"]
    picture = np.asarray(axes.images[0].get_array())
    assert picture[:8, :8].max() == 0
    assert picture[10:18, :8].min() == 255
    assert is_whole(figure)


@pytest.mark.parametrize(("split", "title"), [("test", "Test images and"), ("validation", "Validation images and")])
def test_the_title_names_the_split_that_the_images_are_of(split, title):
    figure = chart_reconstructions(np.zeros((1, 4, 8, 8, 1)), np.zeros((1, 4, 8, 8, 1)), ["best"], split)
    assert any(text.get_text().startswith(title) for text in figure.texts)


@pytest.mark.parametrize(("count", "rows"), [(20, 4), (13, 2), (3, 2)])
def test_generated_images_stand_above_their_neighbours(count, rows):
    figure = chart_neighbours(np.zeros((count, 8, 8, 1)), np.ones((count, 8, 8, 1)))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["generated", "training"] * (rows // 2)
    picture = np.asarray(axes.images[0].get_array())
    assert picture[:8, :8].max() == 0
    assert picture[10:18, :8].min() == 255
    assert is_whole(figure)
