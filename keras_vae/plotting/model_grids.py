"""A model and images -> pictures of what the model has learnt."""

from collections.abc import Sequence

import numpy as np

from keras_vae.model import VAE, active_units
from keras_vae.plotting.grids import enlarge, labelled_grid, mosaic, rendered, tiles

__all__ = [
    "draw_interpolations",
    "draw_manifold",
    "draw_pictures",
    "draw_plain",
    "draw_reconstructions",
    "draw_samples",
    "draw_samples_by_class",
    "draw_traversal",
]


QUANTILE_SAMPLES = 200_000


def draw_pictures(
    model: VAE, images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], seed: int = 0
) -> dict[str, np.ndarray]:
    """Draw every picture of this module: the plane where there are two latents.

    There are samples by class where the prior was fitted by class.

    Args:
        model: a VAE.
        images: `(n, h, w, c)` uint8.
        labels: `(n,)`.
        class_names: one for each label.
        seed: seed of the latents that are drawn from the prior.

    Returns:
        `(H, W, 1 or 3)` uint8 for each of `samples`, `samples_by_class`, `reconstructions`, `traversal`,
        `interpolation` and `manifold`.
    """
    pictures = {
        "samples": draw_samples(model, seed),
        "reconstructions": draw_reconstructions(model, images, labels, class_names),
        "traversal": draw_traversal(model, images),
    }
    if len(model.prior.class_labels) > 1:
        pictures["samples_by_class"] = draw_samples_by_class(model, class_names, seed)
    pictures["interpolation"] = draw_interpolations(model, images, labels, class_names)
    if model.latent_dim == 2:
        pictures["manifold"] = draw_manifold(model)
    return pictures


def draw_samples(model: VAE, seed: int = 0, side: int = 10) -> np.ndarray:
    """Draw `side * side` new images; the same latents for the same seed."""
    images = model.sample(side * side, (seed, 0)).numpy()
    return rendered(labelled_grid(images.reshape(side, side, *model.image_shape), title="Samples from the prior"))


def draw_samples_by_class(model: VAE, class_names: Sequence[str], seed: int = 0, each: int = 12) -> np.ndarray:
    """Draw a row of new images of each class that the prior was fitted to."""
    shown = model.prior.class_labels[:10]
    figure = labelled_grid(
        np.stack([model.sample(each, (seed, 1 + label), label=label) for label in shown]),
        title="Samples of each class",
        row_labels=[class_names[label] for label in shown],
    )
    return rendered(figure)


def draw_reconstructions(
    model: VAE, images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], each: int = 3
) -> np.ndarray:
    """Draw the first images of each class, or the first ones where there is one class, above their reconstructions."""
    shown = _classes_shown(labels, 10)
    if len(shown) > 1:
        chosen = np.stack([np.resize(np.flatnonzero(labels == label), each) for label in shown], axis=1)
    else:
        chosen = np.resize(np.arange(len(images)), (each, min(10, len(images))))
    originals = images[chosen] / np.float32(255)
    copies = model(originals.reshape(-1, *model.image_shape)).numpy().reshape(originals.shape)
    figure = labelled_grid(
        np.stack([originals, copies], axis=1).reshape(-1, *originals.shape[1:]),
        title="Test images, each above its reconstruction",
        row_labels=["image", "reconstruction"] * each,
        column_labels=[class_names[label] for label in shown] if len(shown) > 1 else None,
    )
    return rendered(figure)


def draw_plain(model: VAE, images: np.ndarray, seed: int = 0, rows: int = 2) -> dict[str, np.ndarray]:
    """Draw rows of samples, and images above their reconstructions, without words.

    Args:
        model: a VAE.
        images: `(n, h, w, c)` in [0, 1]; there are n samples in a row.
        seed: seed of the samples.
        rows: rows of samples.

    Returns:
        `(H, W, 1 or 3)` uint8 for each of `samples` and `reconstructions`.
    """
    samples = model.sample(rows * len(images), (seed, 0)).numpy().reshape(rows, *images.shape)
    return {"samples": tiles(samples), "reconstructions": tiles(np.stack([images, model(images).numpy()]))}


def draw_traversal(model: VAE, images: np.ndarray, steps: int = 11, reach: float = 2.5, most: int = 10) -> np.ndarray:
    """Draw the first image as one latent after another changes, active ones and large KLs first.

    Each goes as many standard deviations of the posterior means to both sides of their average as `reach` says.
    """
    mean, log_var = model.encode(images[:1000] / np.float32(255))
    kl = model.prior.kl_by_latent(mean, log_var, mean).numpy().mean(axis=0)
    strongest = np.lexsort((-kl, ~active_units(mean.numpy())))[:most]
    values = np.linspace(-reach, reach, steps, dtype=np.float32)
    center, deviation = mean.numpy().mean(axis=0), mean.numpy().std(axis=0)
    latents = np.tile(mean.numpy()[0], (len(strongest), steps, 1))
    for row, latent in enumerate(strongest):
        latents[row, :, latent] = center[latent] + values * deviation[latent]
    decoded = model.decode(latents.reshape(-1, model.latent_dim)).numpy()
    nats = f"nats: mean KL of the latent to {model.prior.reference}"
    figure = labelled_grid(
        decoded.reshape(len(strongest), steps, *model.image_shape),
        title="A test image, one latent changed at a time",
        row_labels=[f"latent {latent}: {kl[latent]:.2f} nats" for latent in strongest],
        column_labels=[f"{value:+.1f}" for value in values],
        note=f"columns: standard deviations over {len(mean):,} test images; {nats}",
    )
    return rendered(figure)


def draw_interpolations(
    model: VAE, images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], steps: int = 11
) -> np.ndarray:
    """Draw what lies on the straight lines between images of different classes; of one class, between its images."""
    shown = _classes_shown(labels, 10)
    is_by_class = len(shown) > 1
    if not is_by_class:
        labels = shown = np.arange(min(10, len(images)))
        class_names = [f"image {number}" for number in shown]
    firsts = np.stack([images[np.flatnonzero(labels == label)[0]] for label in shown]) / np.float32(255)
    start = model.encode(firsts)[0].numpy()
    further = -3 if len(shown) > 3 else -1  # every class begins one line and ends another
    end = np.roll(start, further, axis=0)
    shares = np.linspace(0.0, 1.0, steps, dtype=np.float32)
    latents = start[:, np.newaxis] + shares[:, np.newaxis] * (end - start)[:, np.newaxis]
    decoded = model.decode(latents.reshape(-1, model.latent_dim)).numpy()
    figure = labelled_grid(
        decoded.reshape(len(shown), steps, *model.image_shape),
        title=f"Straight lines between two test images{' of different classes' if is_by_class else ''}",
        row_labels=[
            f"{class_names[begins]} to {class_names[ends]}"
            for begins, ends in zip(shown, np.roll(shown, further), strict=True)
        ],
        column_labels=[f"{share:.0%}" for share in shares],
    )
    return rendered(figure)


def draw_manifold(model: VAE, side: int = 24) -> np.ndarray:
    """Draw the plane of two latents, at the quantiles that samples of the prior have in each."""
    shares = (np.arange(side) + 0.5) / side
    across, up = np.quantile(model.prior.sample(QUANTILE_SAMPLES, (0, 0)), shares, axis=0).astype(np.float32).T
    first, second = np.meshgrid(across, up[::-1])
    images = model.decode(np.stack([first.ravel(), second.ravel()], axis=-1)).numpy()
    return enlarge(mosaic(images.reshape(side, side, *model.image_shape), gap=0), 2)


def _classes_shown(labels: np.ndarray, most: int) -> np.ndarray:
    return np.unique(labels)[:most]
