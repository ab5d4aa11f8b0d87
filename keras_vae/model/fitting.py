"""What is fitted to a trained model: the variance of its likelihood, and a prior to where its posteriors lie."""

import warnings

import keras
import numpy as np
import tensorflow as tf
from scipy.linalg import solve_triangular
from sklearn import mixture
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from keras_vae.model.flow import FlowPrior
from keras_vae.model.priors import NO_CLASS, GaussianMixture
from keras_vae.model.vae import SMALLEST_VARIANCE, VAE

__all__ = ["fit_prior", "fit_variance", "posterior_means"]

# Added to the variances of each Gaussian, so that a few latents close together do not make a needle of it.
LEAST_VARIANCE = 1e-3
LEAST_LATENTS = 2  # of which scikit-learn makes a Gaussian
MIXTURE_ROUNDS = 30
FLOW_EPOCHS, FLOW_BATCH, FLOW_RATE = 30, 500, 1e-3


def fit_prior(model: VAE, images: np.ndarray, labels: np.ndarray | None = None, seed: int = 0) -> None:
    """Fit a prior that `prior_training="afterwards"` left as N(0, I), of two levels the upper one's.

    The rest of the model stays as it is.

    A second stage in the sense of Dai & Wipf (2019): the decoder is then asked for images where latents really lie. The
    ELBO and the importance-weighted bound of the model are from then on those of the fitted prior.

    Args:
        model: a trained VAE.
        images: `(n, h, w, c)` uint8, of the training split.
        labels: `(n,)` from 0 on; a mixture is then fitted class by class, so that it can be asked for one. A flow
            makes no use of them.
        seed: seed of the posterior samples and of the fit.

    Raises:
        ValueError: the prior is not one that is fitted afterwards.
    """
    if model.has_learned_prior or model.prior_name == "standard_normal":
        raise ValueError(f"A {model.prior_name} prior that is learned with the model, or fixed, is not fitted to it.")
    parts = [model.posterior(images[at : at + 1000] / np.float32(255)).upper for at in range(0, len(images), 1000)]
    mean, log_var = (np.concatenate(column) for column in zip(*parts, strict=True))
    prior = model.upper_prior
    if isinstance(prior, GaussianMixture):
        noise = np.random.default_rng(seed).standard_normal(mean.shape, np.float32)
        _fit_mixture(prior, mean + np.exp(0.5 * log_var) * noise, labels, seed)
    else:
        _fit_flow(prior, mean, log_var, seed)


def posterior_means(model: VAE, images: np.ndarray, batch_size: int = 1000) -> np.ndarray:
    """Where images lie in the latent space.

    Args:
        model: a VAE.
        images: `(n, h, w, c)` uint8.
        batch_size: images at a time.

    Returns:
        `(n, d)` float32.
    """
    batches = range(0, len(images), batch_size)
    return np.concatenate([model.encode(images[at : at + batch_size] / np.float32(255))[0] for at in batches])


def fit_variance(model: VAE, images: np.ndarray, seed: int = 0, batch_size: int = 1000) -> None:
    """Give a Gaussian likelihood the variance that makes images most likely (Rybkin et al. 2021, equation 6).

    The one that training ends with is an average over batches, of weights on the way. On images that were not trained
    on, it is not too sure of itself either.

    Args:
        model: a trained VAE.
        images: `(n, h, w, c)` uint8.
        seed: seed of the posterior samples.
        batch_size: images at a time.
    """
    total = 0.0
    for at in range(0, len(images), batch_size):
        batch = images[at : at + batch_size] / np.float32(255)
        residuals = batch - model.decode(model.draw(batch, (seed, at)).latents)
        total += float(tf.reduce_sum(tf.square(residuals)))
    model.variance.assign(max(SMALLEST_VARIANCE, total / images.size))


def _fit_mixture(prior: GaussianMixture, latents: np.ndarray, labels: np.ndarray | None, seed: int) -> None:
    components = prior.means.shape[0]
    groups = {NO_CLASS: latents}
    if labels is not None:
        by_class = {int(label): latents[labels == label] for label in np.unique(labels)}
        if len(by_class) <= components and min(map(len, by_class.values())) >= LEAST_LATENTS:
            groups = by_class
    # A covariance takes more latents than it has dimensions.
    most = {label: max(1, len(group) // (2 * latents.shape[1])) for label, group in groups.items()}
    counts = _shares(most, components)
    weights, means, factors, class_of = [], [], [], []
    for label, group in groups.items():
        fitted = mixture.GaussianMixture(
            counts[label], reg_covar=LEAST_VARIANCE, max_iter=MIXTURE_ROUNDS, random_state=seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the last rounds gain less than a seed does
            with threadpool_limits(1):  # several threads wait for each other longer than they share such small work
                fitted.fit(group.astype(np.float64))
        weights.append(fitted.weights_ * len(group))
        means.append(fitted.means_)
        factors.append(_precision_factors(fitted.covariances_))
        class_of.append(np.full(counts[label], label))
    unused = components - sum(counts.values())  # where there are too few latents for so many
    parts = [np.concatenate(column) for column in (weights, means, factors, class_of)]
    weights_, *others = (np.concatenate([part, np.repeat(part[:1], unused, axis=0)]) for part in parts)
    weights_[components - unused :] = 0.0
    prior.set_gaussians(weights_, *others)


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
    twin = FlowPrior(prior.latent_dim, len(prior.networks), seed=prior.seed)  # of one device, whoever shares the prior
    twin.set_weights(prior.get_weights())
    variables = twin.trainable_variables
    batch = min(FLOW_BATCH, len(mean))
    steps = len(mean) // batch
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(FLOW_RATE, FLOW_EPOCHS * steps), weight_decay=0.1
    )
    optimizer.build(variables)

    @tf.function(jit_compile=True)
    def step(means: tf.Tensor, widths: tf.Tensor, noise: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(twin.log_density(means + widths * noise))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    rng = np.random.default_rng(seed)
    width = np.exp(0.5 * log_var)
    for _ in range(FLOW_EPOCHS):
        for chosen in np.split(rng.permutation(len(mean))[: steps * batch], steps):
            step(mean[chosen], width[chosen], rng.standard_normal((batch, mean.shape[1]), np.float32))
    prior.set_weights(twin.get_weights())
