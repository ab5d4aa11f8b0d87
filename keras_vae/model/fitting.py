"""What is fitted to a trained model: the variance of its likelihood, and a prior to where its posteriors lie."""

import math

import keras
import numpy as np
import tensorflow as tf
from scipy.linalg import solve_triangular
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from keras_vae.model.arguments import check_pixels
from keras_vae.model.distributions import WITH_VARIANCE, best_variance, deviations
from keras_vae.model.flow import FlowPrior
from keras_vae.model.optimizer import AdamW
from keras_vae.model.priors import NO_CLASS, GaussianMixture, Prior
from keras_vae.model.vae import VAE

__all__ = ["fit_prior", "fit_variance", "log_densities", "posterior_means"]

LEAST_MEMBERS = 20  # of a Gaussian of the mixture, on average
CLUSTERS_OF_A_NEIGHBOURHOOD = 10
NEIGHBOURHOOD_WEIGHT = 5  # members
KMEANS_ROUNDS = 30
FLOW_EPOCHS, FLOW_BATCH, FLOW_RATE = 30, 500, 1e-3


def fit_prior(
    model: VAE, images: np.ndarray, labels: np.ndarray | None = None, seed: int = 0, temperature: float = 1.0
) -> None:
    """Fit a prior that `prior_training="afterwards"` left as N(0, I), of two levels the upper one's.

    The rest of the model stays as it is.

    A second stage in the sense of Dai & Wipf (2019): the decoder is then asked for images where latents really lie. The
    ELBO and the importance-weighted bound of the model are from then on those of the fitted prior.

    Args:
        model: a trained VAE.
        images: `(n, h, w, c)` uint8, of the training split.
        labels: `(n,)` from 0 on; a mixture with a Gaussian for each class is then fitted class by class, so that it can
            be asked for one. A flow makes no use of them.
        seed: seed of the posterior samples and of the fit.
        temperature: above 0; a factor on the standard deviations of the Gaussians of a mixture. Below 1 samples are
            more plausible and less varied (Kingma & Dhariwal 2018), and the prior finds latents less likely.

    Raises:
        ValueError: the prior is not one that is fitted afterwards, images are of another type, labels are not whole
            numbers from 0 on, one for each, or there is no such temperature, or none of this prior.
    """
    check_pixels(images)
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
            raise ValueError(
                f"Labels must be whole numbers from 0 on ({len(images)},), not {labels.dtype} of shape {labels.shape}."
            )
    if model.has_learned_prior or model.prior_name == "standard_normal":
        raise ValueError(f"A {model.prior_name} prior that is learned with the model, or fixed, is not fitted to it.")
    prior = model.upper_prior
    if not 0.0 < temperature < math.inf:
        raise ValueError(f"temperature must be above 0 and finite, not {temperature}.")
    if temperature != 1.0 and not isinstance(prior, GaussianMixture):
        raise ValueError(f"temperature is of a mixture, not of a {model.prior_name} prior: leave it out.")
    parts = [model.posterior(images[at : at + 1000] / np.float32(255)).upper for at in range(0, len(images), 1000)]
    mean, log_var = (np.concatenate(column) for column in zip(*parts, strict=True))
    if isinstance(prior, GaussianMixture):
        _fit_mixture(prior, mean, log_var, labels, seed, temperature)
    else:
        _fit_flow(prior, mean, log_var, seed, with_xla=model.jit_compile or model.compiles_updates)
    model.awaits_prior = False
    model.make_test_function(force=True)


def posterior_means(model: VAE, images: np.ndarray, batch_size: int = 1000) -> np.ndarray:
    """Where images lie in the latent space.

    Args:
        model: a VAE.
        images: `(n, h, w, c)` uint8.
        batch_size: images at a time.

    Returns:
        `(n, d)` float32.

    Raises:
        ValueError: images of another type.
    """
    check_pixels(images)
    batches = range(0, len(images), batch_size)
    return np.concatenate([model.encode(images[at : at + batch_size] / np.float32(255))[0] for at in batches])


def log_densities(prior: Prior, latents: np.ndarray, batch_size: int = 500) -> np.ndarray:
    """How dense a prior is at many latents: a mixture looks at each of its Gaussians from each of them.

    Args:
        prior: of latents of d dimensions.
        latents: `(n, d)`.
        batch_size: latents at a time, which the memory goes by.

    Returns:
        `(n,)` nats, float64.
    """
    batches = range(0, len(latents), batch_size)
    parts = [prior.log_density(np.asarray(latents[at : at + batch_size], np.float32)) for at in batches]
    return np.concatenate(parts).astype(np.float64)


def fit_variance(model: VAE, images: np.ndarray, seed: int = 0, batch_size: int = 1000) -> None:
    """Give Gaussian or Laplace pixels the variance that makes images most likely (Rybkin et al. 2021, equation 6).

    The one that training ends with is an average over batches, of weights on the way. On images that were not trained
    on, it is not too sure of itself either.

    Args:
        model: a trained VAE.
        images: `(n, h, w, c)` uint8.
        seed: seed of the posterior samples.
        batch_size: images at a time.

    Raises:
        ValueError: images of another type, or a likelihood that has no variance.
    """
    check_pixels(images)
    if model.likelihood not in WITH_VARIANCE:
        raise ValueError(f"A {model.likelihood} likelihood has no variance: fit that of {' or '.join(WITH_VARIANCE)}.")
    total = 0.0
    for at in range(0, len(images), batch_size):
        batch = images[at : at + batch_size] / np.float32(255)
        residuals = batch - model.decode(model.draw(batch, (seed, at)).latents)
        total += float(tf.reduce_sum(deviations(model.likelihood, residuals)))
    model.variance.assign(best_variance(model.likelihood, total / images.size))


def _fit_mixture(
    prior: GaussianMixture,
    mean: np.ndarray,
    log_var: np.ndarray,
    labels: np.ndarray | None,
    seed: int,
    temperature: float,
) -> None:
    """Clusters of means, and around each what its members spread, with the width of their posteriors.

    scikit-learn's `GaussianMixture` would be fitted to points, which have no width.
    """
    components = prior.means.shape[0]
    groups = {NO_CLASS: np.arange(len(mean))}
    if labels is not None:
        by_class = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
        if len(by_class) <= components:
            groups = by_class
    most = {label: max(1, len(group) // LEAST_MEMBERS) for label, group in groups.items()}
    counts = _shares(most, components)
    weights, means, factors, class_of = [], [], [], []
    with threadpool_limits(1):  # several threads wait for each other longer than they share such small work
        for label, group in groups.items():
            sizes, centers, covariances = _clusters(mean[group], np.exp(log_var[group]), counts[label], seed)
            weights.append(sizes)
            means.append(centers)
            factors.append(_precision_factors(covariances * temperature**2))
            class_of.append(np.full(len(sizes), label))
    unused = components - sum(map(len, weights))  # where there are too few latents for so many
    parts = [np.concatenate(column) for column in (weights, means, factors, class_of)]
    weights_, *others = (np.concatenate([part, np.repeat(part[:1], unused, axis=0)]) for part in parts)
    weights_[components - unused :] = 0.0
    prior.set_gaussians(weights_, *others)


def _clusters(mean: np.ndarray, variance: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Sizes `(k,)`, centers `(k, d)` and covariances `(k, d, d)` of the clusters of some posteriors, `(n, d)` each.

    A few members tell little of what they spread: their neighbourhood, of ten clusters or so, counts as some more.
    """
    mean, variance = mean.astype(np.float64), variance.astype(np.float64)
    members = KMeans(min(count, len(mean)), n_init=1, max_iter=KMEANS_ROUNDS, random_state=seed).fit_predict(mean)
    _, members = np.unique(members, return_inverse=True)  # none is empty
    sizes = np.bincount(members)
    centers = _mean_by(members, mean, sizes)
    apart = mean - centers[members]
    neighbourhoods = max(1, len(sizes) // CLUSTERS_OF_A_NEIGHBOURHOOD)
    near = KMeans(neighbourhoods, n_init=1, random_state=seed).fit(centers, sample_weight=sizes).labels_
    pooled = np.stack([_scatter(apart[near[members] == place], apart.shape[1]) for place in range(neighbourhoods)])
    own = np.stack([_scatter(apart[members == cluster], apart.shape[1]) for cluster in range(len(sizes))])
    share = (NEIGHBOURHOOD_WEIGHT / (sizes + NEIGHBOURHOOD_WEIGHT))[:, np.newaxis, np.newaxis]
    widths = _mean_by(members, variance, sizes)
    return (
        sizes.astype(float),
        centers,
        (1 - share) * own + share * pooled[near] + widths[:, np.newaxis] * np.eye(apart.shape[1]),
    )


def _mean_by(members: np.ndarray, values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, members, values)
    return sums / sizes[:, np.newaxis]


def _scatter(apart: np.ndarray, latent_dim: int) -> np.ndarray:
    return apart.T @ apart / len(apart) if len(apart) else np.zeros((latent_dim, latent_dim))


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


def _fit_flow(prior: FlowPrior, mean: np.ndarray, log_var: np.ndarray, seed: int, *, with_xla: bool) -> None:
    """By Adam, with a new sample of each posterior at every epoch."""
    twin = FlowPrior(prior.latent_dim, len(prior.networks), seed=prior.seed)  # of one device, whoever shares the prior
    twin.set_weights(prior.get_weights())
    variables = twin.trainable_variables
    batch = min(FLOW_BATCH, len(mean))
    steps = len(mean) // batch
    optimizer = AdamW(keras.optimizers.schedules.CosineDecay(FLOW_RATE, FLOW_EPOCHS * steps), weight_decay=0.1)
    optimizer.build(variables)

    @tf.function(jit_compile=with_xla, autograph=False)
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
