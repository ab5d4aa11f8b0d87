"""How likely images are: the ELBO and what it consists of, and a tighter bound."""

from __future__ import annotations

import hashlib
import json
import math
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_vae.errors import InputError
from keras_vae.evaluation.subject import (
    BATCH,
    MOST_PAIRED,
    REFINEMENTS,
    Results,
    Subject,
    progress_bar,
    spread_rows,
)
from keras_vae.files import write_atomically
from keras_vae.model import (
    ACTIVE_VARIANCE,
    ElboTerms,
    StandardNormal,
    active_units,
    aggregate_posterior,
    elbo_terms,
    encode_refined,
    gaussian_sample,
    importance_weighted_bounds,
    likelihood_nll,
    log_densities,
)
from keras_vae.plotting import chart_aggregate_posterior, chart_kl_by_latent, chart_training
from keras_vae.runs import read_record

__all__ = ["measure_likelihood", "partial_bounds"]

_OF_A_DENSITY = (
    "of a density of pixel values in [0, 1], which may be above 1 and its nats below 0: "
    "to be compared with densities only"
)

# What the negative log-likelihood of images as they are is, by likelihood.
NATS_OF_GREY_IMAGES = {
    "bernoulli": "pixel values are probabilities: it bounds the mean over binarised versions of the image",
    "gaussian": _OF_A_DENSITY,
    "laplace": _OF_A_DENSITY,
    "discretized_logistic": "of a probability of the 8-bit values as they are stored",
    "continuous_bernoulli": _OF_A_DENSITY,
}

SECONDS_BETWEEN_KEEPS = 30.0  # what a kill costs; all bounds are written each time
PRIOR_SAMPLES = 50_000  # which its curves in a chart are drawn from
TRAINING_CHART = (5.2, 3.0)  # width and height, inches


def measure_likelihood(subject: Subject) -> Results:
    """The ELBO of the images and what it consists of, and a tighter bound on their likelihood."""
    model, config = subject.model, subject.config
    terms = elbo_terms(model, subject.told_batches("ELBO"), seed=config.seed)
    kl_by_latent = terms.kl_by_latent.mean(axis=0)
    negative_elbo = terms.reconstruction + terms.kl
    active = active_units(terms.mean)
    aggregate, charts = _aggregate(subject, terms)
    bounds, speed = _bounds(subject)
    worst = int(negative_elbo.argmax())
    of = f"{model.likelihood} likelihood, prior {subject.run.config.prior_in_words}"
    one = f"one posterior sample an image, {of}"
    many = f"importance-weighted, {config.importance_samples:,} samples an image, {of}"
    if config.protocol == "grey":
        many += f"; {NATS_OF_GREY_IMAGES[model.likelihood]}"
    nats = "nats per image"
    measurements = {
        "likelihood.negative_elbo": subject.mean_of(negative_elbo, nats, by_class=True, details=one),
        "likelihood.reconstruction": subject.mean_of(terms.reconstruction, nats, by_class=True, details=one),
        "likelihood.kl": subject.mean_of(terms.kl, nats, by_class=True, details=_to_prior(subject)),
        "likelihood.kl_by_latent": subject.measurement(
            kl_by_latent.tolist(), nats, details=f"to {model.prior.reference}"
        ),
        "likelihood.largest_negative_elbo": subject.measurement(
            float(negative_elbo[worst]), nats, details=_whose(subject, terms, worst)
        ),
        "likelihood.largest_negative_elbo_refined": subject.measurement(
            _refined(subject, worst), nats, details=f"of the same image, after {REFINEMENTS} gradient steps on its mean"
        ),
        "likelihood.importance_weighted_nll": subject.mean_of(-bounds, nats, by_class=True, details=many),
        "likelihood.image_samples_per_second": subject.measurement(speed, "image-samples a second"),
        "likelihood.active_units": subject.measurement(
            int(active.sum()),
            "latents",
            details=f"variance of the posterior mean over images above {ACTIVE_VARIANCE}",
        ),
        **aggregate,
    }
    if model.likelihood == "discretized_logistic":
        bits = -bounds / (math.log(2.0) * math.prod(model.image_shape))
        measurements["likelihood.bits_per_dimension"] = subject.mean_of(bits, "bits per dimension", details=many)
    charts["kl_by_latent"] = chart_kl_by_latent(kl_by_latent, active, model.prior.reference)
    if history := subject.run.history:
        charts["training"] = chart_training(history, TRAINING_CHART)
    return measurements, charts


def _aggregate(subject: Subject, terms: ElboTerms) -> Results:
    """Bounds on the KL of the aggregate posterior to the prior, and a chart of both."""
    model, seed = subject.model, subject.config.seed
    # Of a lower level there is no such posterior: it is another Gaussian for each upper latent.
    paired = spread_rows(subject.count, MOST_PAIRED)
    mean, log_var = terms.mean[paired, model.lower_dim :], terms.log_var[paired, model.lower_dim :]
    aggregate = aggregate_posterior(mean, log_var, lambda latents: log_densities(model.upper_prior, latents), seed)
    level = " in the upper level" if model.levels == 2 else ""
    posteriors = f"the posteriors of {len(paired):,} {subject.split} images{level}"
    mixture = f"mixture of {posteriors}, with which it cannot come out below {aggregate.least_upper_bound:.2f}"
    measurements = {
        "likelihood.aggregate_kl_upper_bound": subject.measurement(
            aggregate.upper_bound, "nats", images=len(paired), details=mixture
        )
    }
    if isinstance(model.upper_prior, StandardNormal):  # of others, these moments are no bound
        moments = f"Gaussian of the mean and covariance of {posteriors}"
        measurements["likelihood.aggregate_kl_lower_bound"] = subject.measurement(
            aggregate.lower_bound, "nats", images=len(paired), details=moments
        )
    # In parts: of each sample a mixture takes the whole covariance of its Gaussian.
    parts = range(PRIOR_SAMPLES // BATCH)
    drawn = np.concatenate([model.upper_prior.sample(BATCH, (seed, 1 + part)) for part in parts])
    kl_by_latent = terms.kl_by_latent.mean(axis=0)[model.lower_dim :]
    chart = chart_aggregate_posterior(aggregate.samples, drawn, kl_by_latent, log_var, model.lower_dim)
    return measurements, {"aggregate_posterior": chart}


def _to_prior(subject: Subject) -> str:
    """What the KL is to, and how it is computed."""
    model = subject.model
    how = "in closed form" if isinstance(model.upper_prior, StandardNormal) else "by the same samples"
    if model.levels == 2:
        how += ", that of the lower level in closed form given the upper one's sample"
    return f"to the prior {subject.run.config.prior_in_words}, {how}"


def _whose(subject: Subject, terms: ElboTerms, worst: int) -> str:
    distances = np.linalg.norm(terms.mean, axis=1)
    return (
        f"of the {subject.split} image of number {worst}, counted from 0, whose posterior mean lies "
        f"{distances[worst]:.1f} from 0; those of all {distances.mean():.1f} on average, {distances.max():.1f} at most"
    )


def _refined(subject: Subject, number: int) -> float:
    """The negative ELBO of one image with a posterior mean that gradient steps have improved."""
    model, image = subject.model, subject.pick(np.array([number]))
    mean, log_var = encode_refined(model, image, tf.constant(REFINEMENTS))
    seed = tf.constant((subject.config.seed, number), tf.int32)
    latents = gaussian_sample(mean, log_var, tf.random.stateless_normal(tf.shape(mean), seed))
    reconstruction = likelihood_nll(model.likelihood, image, model.decode_logits(latents), model.spread)
    return float((reconstruction + model.prior.kl(mean, log_var, latents))[0])


def _bounds(subject: Subject) -> tuple[np.ndarray, float]:
    """The bound for every image and image-samples a second; taken up again where it was interrupted."""
    config, samples = subject.config, subject.config.importance_samples
    path = partial_bounds(subject)
    bounds = _begun(path, subject.count).tolist()
    first = -(-len(bounds) // BATCH)
    taken, start = 0, time.perf_counter()
    kept = start

    def progress(count: int) -> None:
        nonlocal taken
        taken += count
        bar.update(count)

    batches = importance_weighted_bounds(
        subject.model, subject.batches(), samples, seed=config.seed, first_batch=first, progress=progress
    )
    with progress_bar("  bound", subject.count * samples, " samples", len(bounds) * samples) as bar:
        try:
            for batch in batches:
                bounds += batch.tolist()
                if (now := time.perf_counter()) - kept > SECONDS_BETWEEN_KEEPS or len(bounds) == subject.count:
                    write_atomically(path, json.dumps(bounds))
                    kept = now
        except KeyboardInterrupt:
            write_atomically(path, json.dumps(bounds))
            raise KeyboardInterrupt(
                f"The bound is kept for {len(bounds):,} images: the same command goes on from there."
            ) from None
    return np.array(bounds), taken / (time.perf_counter() - start) if taken else math.nan


def _begun(path: Path, count: int) -> np.ndarray:
    """The bounds of whole batches that an interrupted evaluation has left; none where the file is damaged."""
    try:
        bounds = np.array(read_record(path, [float], "") if path.is_file() else [], np.float64)
    except InputError:
        return np.empty(0)
    return bounds if len(bounds) == count or (len(bounds) < count and len(bounds) % BATCH == 0) else np.empty(0)


def partial_bounds(subject: Subject) -> Path:
    """File of the bounds that are done while others are not; whoever has written the metrics removes it."""
    config = subject.config
    key = (
        subject.digest,
        subject.data.name,
        subject.split,
        config.protocol,
        config.importance_samples,
        config.seed,
        BATCH,
    )
    return subject.run.folder / f".bounds-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.json"
