"""The variational autoencoder: a subclassed Keras model of posterior, decoder and prior.

How it learns is in `learning`, what else it can be asked for in `generation`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.formats import FORMAT, as_named_today
from keras_vae.model.arguments import (
    PriorTraining,
    as_float32,
    check_arguments,
    check_disturbance,
    check_images,
    check_levels,
    check_pixels,
    check_policy,
    check_prior,
    check_seed,
)
from keras_vae.model.distributions import (
    SMALLEST_VARIANCE,
    WITH_VARIANCE,
    Likelihood,
    Tensor,
    best_variance,
    deviations,
    gaussian_log_density,
    likelihood_mean,
    likelihood_nll,
)
from keras_vae.model.disturbance import Disturbance
from keras_vae.model.flow import FlowPrior
from keras_vae.model.generation import GenerativeModel
from keras_vae.model.levels import Draw, Posterior, TwoLevelPrior, gaussian_of
from keras_vae.model.networks import (
    DEFAULT_WIDTHS,
    LOWER_UNITS,
    NetworkName,
    build_decoder,
    build_encoder,
    build_lower_posterior,
    build_lower_prior,
)
from keras_vae.model.priors import GaussianMixture, Prior, PriorName, StandardNormal, VampPrior
from keras_vae.model.replicas import sum_over_replicas

__all__ = ["LARGEST_LOGIT", "VAE"]

# Within 5e-5 of black or white a pixel is sure enough: background would drive its logits ever further, and a
# latent that was never seen in training then costs a hundred nats a pixel.
LARGEST_LOGIT = 10.0
VARIANCE_OF_UNIFORM = 1.0 / 12.0
VARIANCE_MOMENTUM, VARIANCE_WARMUP = 0.99, 10.0  # steps
LOG_SCALE_AT_FIRST = -3.0


@keras.saving.register_keras_serializable(package="keras_vae")
class VAE(GenerativeModel):
    """Variational autoencoder (Kingma & Welling 2014) with an optional weight on the KL (Higgins et al. 2017).

    The loss is `reconstruction + beta * kl`, both summed over the pixels and latents of an image, in nats, and
    averaged over the batch. With `beta = 1` it is the negative ELBO.

    Calling the model reconstructs images through the mean of their posterior.

    Args:
        image_shape: `(h, w, c)`.
        latent_dim: d, at least 1.
        network: `dense`, `convolutional`, or `strided`, which is the convolutional one of versions before 0.3.0.
        widths: hidden widths from the image inwards; None takes the network's own.
        likelihood: `bernoulli`, `gaussian` or `laplace` with one variance shared by all pixels and set to its optimum
            (Rybkin et al. 2021), `discretized_logistic` of 8-bit values with one scale that is learned (Salimans et al.
            2017), or `continuous_bernoulli`.
        beta: weight of the KL, at least 0.
        seed: seed of the initial weights and of the noise in training.
        prior: `standard_normal`, `mixture` of Gaussians, `flow`, or `vamp`.
        prior_components: Gaussians of a mixture, images of a VampPrior, couplings of a flow.
        prior_training: `joint` learns a mixture or flow with the model; `afterwards` trains the model against N(0, I),
            and `fit_prior` fits the prior, which is N(0, I) until then. A VampPrior is always learned jointly.
        levels: 1, or 2: half of the latents, the upper ones, are then drawn first, and the lower ones given them, by
            posterior and prior alike (Tomczak & Welling 2018, section 3). `prior` is then that of the upper ones. From
            outside the lower latents and the upper ones, in this order, are one latent of `latent_dim` numbers.
        dropout: probability that a hidden unit of a dense network is dropped in a training step (Srivastava et al.
            2014).
        input_noise: deviation of Gaussian noise on what the encoder sees in training (Im et al. 2017).
        learns_variance: learns a Gaussian or Laplace variance by gradient, instead of its optimum in each batch.
        dtype: Keras dtype policy, `float32` or `mixed_bfloat16`: dense layers then multiply in bfloat16 while they are
            trained, and hidden convolutions compute in it, those of a `strided` network always; losses, weights and
            what the model gives stay float32.

    Attributes:
        encoder: Keras model from images to the parameters of their posteriors.
        decoder: Keras model from latents to logits.
        awaits_prior: whether the prior is still to be fitted; `evaluate` takes that of the training until then.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).random((64, 28, 28, 1), np.float32)  # in [0, 1]
        >>> vae = VAE(latent_dim=2)
        >>> vae.compile("adam")
        >>> history = vae.fit(images, epochs=1, batch_size=32, verbose=0)
        >>> vae.sample(16).numpy().shape
        (16, 28, 28, 1)
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 16,
        network: NetworkName = "dense",
        widths: Sequence[int] | None = None,
        likelihood: Likelihood = "bernoulli",
        beta: float = 1.0,
        seed: int = 0,
        prior: PriorName = "standard_normal",
        prior_components: int = 300,
        prior_training: PriorTraining = "afterwards",
        levels: int = 1,
        dropout: float = 0.0,
        input_noise: float = 0.0,
        learns_variance: bool = False,
        **kwargs: Any,
    ) -> None:
        check_arguments(image_shape, latent_dim, network, widths, likelihood, beta, seed, learns_variance)
        check_prior(prior, prior_components, prior_training)
        check_levels(levels, latent_dim)
        check_disturbance(dropout, input_noise, network)
        # The networks cast for themselves: whether a call goes through Keras's `__call__` must not change its result.
        super().__init__(autocast=False, **kwargs)
        check_policy(self.dtype_policy.name)
        height, width, channels = map(int, image_shape)
        self.image_shape = (height, width, channels)
        self.latent_dim = int(latent_dim)
        self.network = network
        self.widths = tuple(widths or DEFAULT_WIDTHS[network])
        self.likelihood, self.seed, self._initial_beta = likelihood, int(seed), float(beta)

        self.dropout, self.input_noise, self.levels = float(dropout), float(input_noise), int(levels)
        self.lower_dim = self.latent_dim - self.latent_dim // self.levels
        self.upper_dim = self.latent_dim - self.lower_dim

        seeds = range(2 * self.seed, 2 * self.seed + 4)
        features = LOWER_UNITS if self.levels == 2 else 0
        kind, dtype = (network, self.image_shape), self.dtype_policy
        self.encoder = build_encoder(*kind, self.upper_dim, self.widths, seed=seeds[0], dtype=dtype, features=features)
        self.decoder = build_decoder(*kind, self.latent_dim, self.widths, seed=seeds[1], dtype=dtype)
        self.prior_name, self.prior_components, self.prior_training = prior, int(prior_components), prior_training
        self.prior = upper = self._make_prior()
        # A prior that is fitted afterwards is not what the posteriors are drawn towards.
        self.training_prior = upper if self.has_learned_prior else StandardNormal(self.upper_dim)
        if self.levels == 2:
            sizes = (self.lower_dim, self.upper_dim)
            self.lower_posterior = build_lower_posterior(*sizes, seed=seeds[2], dtype=dtype)
            lower_prior = build_lower_prior(*sizes, seed=seeds[3])
            self.training_prior = TwoLevelPrior(self.lower_dim, self.training_prior, lower_prior)
            self.prior = TwoLevelPrior(self.lower_dim, self.prior, lower_prior)
        self.noise = keras.random.SeedGenerator(self.seed)
        self.beta = self._add_scalar(beta, "beta")
        self.variance = self._add_scalar(VARIANCE_OF_UNIFORM, "variance")
        self.learns_variance = bool(learns_variance)
        if self.learns_variance:
            self.log_variance = self._add_scalar(math.log(VARIANCE_OF_UNIFORM), "log_variance", trainable=True)
        if likelihood == "discretized_logistic":
            self.log_scale = self._add_scalar(LOG_SCALE_AT_FIRST, "log_scale", trainable=True)
        self.awaits_prior = False
        self.track_nats()
        # The networks are built with their inputs. To call `build` would let no subclass add a layer or a metric.
        self.built = True

    def build(self, input_shape: Any) -> None:
        self.built = True

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "format": FORMAT,
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "network": self.network,
            "widths": list(self.widths),
            "likelihood": self.likelihood,
            "beta": self._initial_beta,
            "seed": self.seed,
            "prior": self.prior_name,
            "prior_components": self.prior_components,
            "prior_training": self.prior_training,
            "levels": self.levels,
            "dropout": self.dropout,
            "input_noise": self.input_noise,
            "learns_variance": self.learns_variance,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "VAE":
        """Make a model, without its weights, from what `get_config` gave in this version or in an earlier one."""
        return super().from_config(as_named_today(config))

    @property
    def has_learned_prior(self) -> bool:
        """Whether the prior is learned with the model, rather than fixed or fitted afterwards."""
        return self.prior_name == "vamp" or (self.prior_name in ("mixture", "flow") and self.prior_training == "joint")

    @property
    def upper_prior(self) -> Prior:
        """The prior of the upper level of latents; where there is one level, of that."""
        return self.prior if self.levels == 1 else self.prior.upper

    def adapt(self, images: np.ndarray) -> None:
        """Let the encoder see images less their mean image and in units of their deviation; before training.

        Args:
            images: `(n, h, w, c)` uint8, of the training split.

        Raises:
            ValueError: images of another type.
        """
        check_pixels(images)
        self.encoder.get_layer("centered").adapt(images)

    # ---- what the model computes ----

    def call(self, images: Tensor, training: bool = False) -> Tensor:
        mean, _ = self.encode(images)
        return self.decode(mean)

    def posterior(
        self, images: Tensor, training: bool = False, disturbance: Disturbance | None = None, samples: int = 1
    ) -> Posterior:
        """The posterior of each image, to draw from.

        Args:
            images: `(n, h, w, c)` in [0, 1].
            training: lets the layers compute as they do in training, where that is faster and less exact.
            disturbance: of a training step.
            samples: how many times each posterior is there, side by side.
        """
        outputs = disturbance.encoded(self.encoder, images) if disturbance else self.encoder(images, training=training)
        outputs = outputs if samples == 1 else tf.repeat(outputs, samples, axis=0)
        if self.levels == 1:
            return Posterior(gaussian_of(outputs))
        features = outputs[:, 2 * self.upper_dim :]
        return Posterior(
            gaussian_of(outputs[:, : 2 * self.upper_dim]),
            lambda upper: gaussian_of(self.lower_posterior([features, upper], training=training)),
        )

    def encode(self, images: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """Parameters of the posterior of each image.

        Those of a lower level are the ones given the mean of the upper level: of two levels, a draw of all latents from
        these Gaussians is not quite one of the posterior, as `draw` makes it.

        Args:
            images: `(n, h, w, c)` in [0, 1].
            training: as for `posterior`.

        Returns:
            `mean` and `log_var`, each `(n, d)`; `log_var` lies between -9 and 1.

        Raises:
            ValueError: images of another shape, type or range.
        """
        check_images(images, self.image_shape)
        _, mean, log_var = self.posterior(as_float32(images), training).draw()
        return mean, log_var

    def draw(self, images: Tensor, seed: Tensor, training: bool = False) -> Draw:
        """One sample of the posterior of each image.

        Args:
            images: `(n, h, w, c)` in [0, 1].
            seed: two integers.
            training: as for `posterior`.

        Returns:
            `latents`, `(n, d)`, and the Gaussians that they were drawn from.

        Raises:
            ValueError: images of another shape, type or range, or no such seed.
        """
        check_images(images, self.image_shape)
        check_seed(seed)
        noise = tf.random.stateless_normal((tf.shape(images)[0], self.latent_dim), seed)
        return self.posterior(as_float32(images), training).draw(noise)

    def decode(self, latents: Tensor) -> Tensor:
        """Expected image of each latent.

        Args:
            latents: `(n, d)`.

        Returns:
            `(n, h, w, c)` in [0, 1].
        """
        return likelihood_mean(self.likelihood, self.decode_logits(latents), self.spread)

    @property
    def spread(self) -> Tensor:
        """The number that all pixels share: a Gaussian or Laplace variance, the scale of a logistic distribution."""
        if self.likelihood == "discretized_logistic":
            return tf.exp(self.log_scale)
        return tf.convert_to_tensor(self.variance)

    def decode_logits(self, latents: Tensor, training: bool = False, disturbance: Disturbance | None = None) -> Tensor:
        """Parameters of the pixels' distribution, from which `decode` takes the mean.

        Args:
            latents: `(n, d)`.
            training: as for `encode`.
            disturbance: of a training step.

        Returns:
            `(n, h, w, c)`; for the Bernoulli likelihood between -10 and 10.
        """
        logits = disturbance.decoded(self.decoder, latents) if disturbance else self.decoder(latents, training=training)
        return LARGEST_LOGIT * tf.tanh(logits / LARGEST_LOGIT) if self.likelihood == "bernoulli" else logits

    def elbo_terms_of(
        self,
        images: Tensor,
        noise: Tensor,
        training: bool = False,
        disturbance: Disturbance | None = None,
        samples: int = 1,
    ) -> tuple[Tensor, Tensor]:
        def through_both(images: Tensor, noise: Tensor, disturbance: Disturbance | None) -> tuple[Tensor, ...]:
            latents, mean, log_var = self.posterior(images, training, disturbance, samples).draw(noise)
            return mean, log_var, latents, self.decode_logits(latents, training, disturbance)

        def nats(
            images: Tensor, posterior: tuple[Tensor, ...], logits: Tensor, spread: Tensor
        ) -> tuple[Tensor, Tensor]:
            prior = self.training_prior if training or self.awaits_prior else self.prior
            if samples == 1:
                kl = prior.kl(*posterior)
            else:
                mean, log_var, latents = posterior
                kl = gaussian_log_density(latents, mean, log_var) - prior.log_density(latents)
            return likelihood_nll(self.likelihood, images, logits, spread), kl

        *posterior, logits = self.piece(through_both)(images, noise, disturbance)
        images = images if samples == 1 else tf.repeat(images, samples, axis=0)
        has_variance = training and self.likelihood in WITH_VARIANCE
        spread = self._variance_of_training(images, logits) if has_variance else self.spread
        return self.piece(nats)(images, tuple(posterior), logits, spread)

    # ---- for Keras ----

    def export(self, filepath: Any, *arguments: Any, **options: Any) -> Any:
        """Let Keras export `call`; `export_saved_model`, `export_onnx` and `export_litert` write all endpoints."""
        if len(arguments) < 3:  # Keras takes the signature from a call, and a loaded model has had none
            options.setdefault("input_signature", [keras.InputSpec(shape=(None, *self.image_shape), dtype="float32")])
        return super().export(filepath, *arguments, **options)

    def _add_scalar(self, value: float, name: str, *, trainable: bool = False) -> keras.Variable:
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=trainable,
            dtype="float32",
            autocast=False,  # a scale or a variance is float32 under any policy
            name=name,
        )

    def _make_prior(self) -> Prior:
        learned, seed = self.has_learned_prior, 2 * self.seed
        if self.prior_name == "mixture":
            return GaussianMixture(self.upper_dim, self.prior_components, learned=learned, seed=seed)
        if self.prior_name == "flow":
            return FlowPrior(self.upper_dim, self.prior_components, learned=learned, seed=seed)
        if self.prior_name == "vamp":
            encode = lambda images: self.posterior(images).upper  # noqa: E731
            return VampPrior(self.upper_dim, self.prior_components, encode, self.image_shape, seed)
        return StandardNormal(self.upper_dim)

    def _variance_of_training(self, images: Tensor, logits: Tensor) -> Tensor:
        """The one that is learned, or makes this batch most likely; of that a moving average serves afterwards."""
        if self.learns_variance:
            variance = SMALLEST_VARIANCE + tf.exp(self.log_variance)  # at a bound that cuts it off no gradient is left
            self.variance.assign(variance)
            return variance
        apart = deviations(self.likelihood, images - tf.sigmoid(logits))
        sums = [tf.reduce_sum(apart), tf.cast(tf.size(apart), tf.float32)]
        total, count = tf.unstack(sum_over_replicas(tf.stack(sums)))
        variance = tf.stop_gradient(best_variance(self.likelihood, total / count))
        steps = tf.cast(self.optimizer.iterations if self.compiled else math.inf, tf.float32)
        # The average begins where training is: at first it forgets what the first steps had soon.
        momentum = tf.minimum(VARIANCE_MOMENTUM, 1.0 - 1.0 / (1.0 + steps / VARIANCE_WARMUP))
        self.variance.assign(momentum * self.variance + (1.0 - momentum) * variance)
        return variance
