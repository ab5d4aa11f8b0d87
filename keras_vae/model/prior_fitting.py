"""Fit the prior of a trained model to where its posteriors lie: to samples of the aggregate posterior."""

import warnings

import keras
import numpy as np
import tensorflow as tf
from scipy.linalg import solve_triangular
from sklearn import mixture
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from keras_vae.model.exemplars import ExemplarPrior
from keras_vae.model.flow import FlowPrior
from keras_vae.model.priors import NO_CLASS, GaussianMixture
from keras_vae.model.vae import VAE

__all__ = ["fit_prior"]

# Added to the variances of each Gaussian, so that a few latents close together do not make a needle of it.
LEAST_VARIANCE = 1e-3
LEAST_LATENTS = 2  # of which scikit-learn makes a Gaussian
MIXTURE_ROUNDS = 30
BANDWIDTHS = [step / 20 for step in range(6, 21)]
COMPARED_LATENTS = 2_000
FLOW_EPOCHS, FLOW_BATCH, FLOW_RATE = 30, 500, 1e-3


def fit_prior(
    model: VAE,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    seed: int = 0,
    held_out: np.ndarray | None = None,
) -> None:
    """Fit a prior that `prior_training="afterwards"` left as N(0, I); the rest of the model stays as it is.

    A second stage in the sense of Dai & Wipf (2019): the decoder is then asked for images where latents really lie. The
    ELBO and the importance-weighted bound of the model are from then on those of the fitted prior.

    Args:
        model: a trained VAE.
        images: `(n, h, w, c)` uint8, of the training split.
        labels: `(n,)` from 0 on; a mixture is then fitted class by class, so that it can be asked for one. A flow
            makes no use of them.
        seed: seed of the posterior samples and of the fit.
        held_out: `(m, h, w, c)` uint8, not trained on: samples of exemplars stay as far from latents of the training
            images as those of these images are, so that they are no copies of training images.

    Raises:
        ValueError: the prior is not one that is fitted afterwards, or it is one of exemplars without `held_out`.
    """
    if model.has_learned_prior or model.prior_name == "standard_normal":
        raise ValueError(f"A {model.prior_name} prior that is learned with the model, or fixed, is not fitted to it.")
    prior = model.prior
    mean, log_var = _posteriors(model, images)
    if isinstance(prior, FlowPrior):
        _fit_flow(prior, mean, log_var, seed)
        return
    latents = _sampled(mean, log_var, seed)
    cluster_of = _fit_mixture(prior, latents, labels, seed)
    if isinstance(prior, ExemplarPrior):
        if held_out is None:
            raise ValueError("A prior of exemplars takes held_out images to find its bandwidth.")
        prior.set_exemplars(latents, cluster_of, seed)
        prior.set_bandwidth(_bandwidth(prior, latents, _sampled(*_posteriors(model, held_out), seed)))


def _posteriors(model: VAE, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    parts = [model.encode(images[at : at + 1000] / np.float32(255)) for at in range(0, len(images), 1000)]
    mean, log_var = (np.concatenate(column) for column in zip(*parts, strict=True))
    return mean, log_var


def _sampled(mean: np.ndarray, log_var: np.ndarray, seed: int) -> np.ndarray:
    return mean + np.exp(0.5 * log_var) * np.random.default_rng(seed).standard_normal(mean.shape, np.float32)


def _fit_mixture(prior: GaussianMixture, latents: np.ndarray, labels: np.ndarray | None, seed: int) -> np.ndarray:
    """Fit the Gaussians, and return the number of the one that each latent belongs to, `(n,)`."""
    components = prior.means.shape[0]
    groups = {NO_CLASS: np.arange(len(latents))}
    if labels is not None:
        by_class = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
        if len(by_class) <= components and min(map(len, by_class.values())) >= LEAST_LATENTS:
            groups = by_class
    # A covariance takes more latents than it has dimensions.
    most = {label: max(1, len(group) // (2 * latents.shape[1])) for label, group in groups.items()}
    counts = _shares(most, components)
    weights, means, factors, class_of = [], [], [], []
    cluster_of, before = np.empty(len(latents), np.int64), 0
    for label, group in groups.items():
        fitted = mixture.GaussianMixture(
            counts[label], reg_covar=LEAST_VARIANCE, max_iter=MIXTURE_ROUNDS, random_state=seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the last rounds gain less than a seed does
            with threadpool_limits(1):  # several threads wait for each other longer than they share such small work
                cluster_of[group] = before + fitted.fit_predict(latents[group].astype(np.float64))
        before += counts[label]
        weights.append(fitted.weights_ * len(group))
        means.append(fitted.means_)
        factors.append(_precision_factors(fitted.covariances_))
        class_of.append(np.full(counts[label], label))
    unused = components - sum(counts.values())  # where there are too few latents for so many
    parts = [np.concatenate(column) for column in (weights, means, factors, class_of)]
    weights_, *others = (np.concatenate([part, np.repeat(part[:1], unused, axis=0)]) for part in parts)
    weights_[components - unused :] = 0.0
    prior.set_gaussians(weights_, *others)
    return cluster_of


def _bandwidth(prior: ExemplarPrior, latents: np.ndarray, held_out: np.ndarray) -> float:
    """The smallest bandwidth with which samples are no closer to latents of training images than held-out ones are.

    That is the test for copied data of Meehan et al. (2020), by medians of the distance to the nearest.
    """
    neighbours = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(latents)

    def distance(points: np.ndarray) -> float:
        return float(np.median(neighbours.kneighbors(points[:COMPARED_LATENTS])[0]))

    def is_too_close(bandwidth: float) -> bool:
        prior.set_bandwidth(bandwidth)
        return distance(np.asarray(prior.sample(COMPARED_LATENTS, (0, 0)))) < wanted

    wanted = distance(held_out)
    return next((bandwidth for bandwidth in BANDWIDTHS[:-1] if not is_too_close(bandwidth)), BANDWIDTHS[-1])


def _shares(most: dict[int, int], components: int) -> dict[int, int]:
    """How many of the Gaussians each group takes: all alike but for a remainder, and no more than it can fill."""
    each, more = divmod(components, len(most))
    return {label: min(each + (place < more), limit) for place, (label, limit) in enumerate(most.items())}


def _precision_factors(covariances: np.ndarray) -> np.ndarray:
    """Lower triangular L with `L L'` the inverse of each covariance."""
    # With J that turns the order of the latents around and J C J = A A', the inverse is (J A^-T J) (J A^-T J)'.
    turned = np.linalg.cholesky(covariances[:, ::-1, ::-1])
    identity = np.eye(covariances.shape[-1])
    inverses = np.stack([solve_triangular(factor, identity, lower=True) for factor in turned])
    return inverses.transpose(0, 2, 1)[:, ::-1, ::-1]


def _fit_flow(prior: FlowPrior, mean: np.ndarray, log_var: np.ndarray, seed: int) -> None:
    """By Adam, with a new sample of each posterior at every epoch."""
    prior.trainable = True
    variables = prior.trainable_variables
    batch = min(FLOW_BATCH, len(mean))
    steps = len(mean) // batch
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(FLOW_RATE, FLOW_EPOCHS * steps), weight_decay=0.1
    )
    optimizer.build(variables)

    @tf.function(jit_compile=True)
    def step(means: tf.Tensor, widths: tf.Tensor, noise: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(prior.log_density(means + widths * noise))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    rng = np.random.default_rng(seed)
    width = np.exp(0.5 * log_var)
    for _ in range(FLOW_EPOCHS):
        for chosen in np.split(rng.permutation(len(mean))[: steps * batch], steps):
            step(mean[chosen], width[chosen], rng.standard_normal((batch, mean.shape[1]), np.float32))
    prior.trainable = False
