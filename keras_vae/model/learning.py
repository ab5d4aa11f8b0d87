"""How a VAE learns: one training step and one evaluation step for Keras's `fit`, on one device or on several."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_vae.model.optimizer  # noqa: F401 (registers it: a model in a file may have been compiled with it)
from keras_vae.model.arguments import as_float32, check_images, check_seed
from keras_vae.model.distributions import Tensor
from keras_vae.model.disturbance import Disturbance
from keras_vae.model.importance import log_mean_exp
from keras_vae.model.replicas import Share, Tracker, is_multi_worker, share_of_batch, sum_over_replicas

__all__ = ["ElboModel"]

EVALUATION_SEED = 777


class ElboModel(keras.Model):
    """A Keras model whose loss is `reconstruction + beta * kl`, in nats per image, averaged over the batch.

    With several posterior samples an image the loss of a training step is the importance-weighted bound, negated (Burda
    et al. 2016, equation 8), whatever beta is; `objective_samples` must be set before the training step is traced.

    Attributes:
        image_shape: `(h, w, c)`.
        latent_dim: d.
        beta: weight of the KL, a variable.
        objective_samples: posterior samples an image in a training step.
        dropout: probability that a hidden unit is dropped in a training step.
        input_noise: deviation of the noise on what the encoder sees in training.
        compiles_updates: whether XLA compiles the optimizer's part of a step, where it does not compile the whole.
        noise: what posterior samples of training are drawn with; its state is saved with the weights.
    """

    image_shape: tuple[int, int, int]
    latent_dim: int
    widths: tuple[int, ...] = ()
    beta: keras.Variable
    objective_samples: int = 1
    dropout: float = 0.0
    input_noise: float = 0.0
    compiles_updates: bool = False
    noise: keras.random.SeedGenerator

    def elbo_terms(self, images: Tensor, seed: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """The two halves of the negative ELBO, from one posterior sample an image.

        Args:
            images: `(n, h, w, c)` in [0, 1].
            seed: two integers, of the posterior samples.
            training: takes the prior that the model is trained with, where another is fitted afterwards, lets a
                Gaussian likelihood take the best variance for this batch, and remember it, and lets the layers compute
                as they do in training.

        Returns:
            `reconstruction` and `kl`, each `(n,)` nats per image.

        Raises:
            ValueError: images of another shape, type or range, or no such seed.
        """
        check_images(images, self.image_shape)
        check_seed(seed)
        images = as_float32(images)
        noise = share_of_batch(tf.shape(images)[0]).normal(self.latent_dim, seed)
        return self.elbo_terms_of(images, noise, training)

    def elbo_terms_of(
        self,
        images: Tensor,
        noise: Tensor,
        training: bool = False,
        disturbance: Disturbance | None = None,
        samples: int = 1,
    ) -> tuple[Tensor, Tensor]:
        """`elbo_terms` of standard normal noise, and of a disturbance in training, that are given.

        Args:
            images: `(n, h, w, c)` in [0, 1].
            noise: `(n K, d)`, those of an image side by side.
            training: as for `elbo_terms`.
            disturbance: of a training step.
            samples: K; of several, `kl` is log q(z|x) - log p(z) of each, as importance weights take it.

        Returns:
            `reconstruction` and `kl`, each `(n K,)`.
        """
        raise NotImplementedError

    def track_nats(self) -> None:
        """Make what the means over the batches of an epoch are kept in."""
        self._trackers = {name: Tracker(name) for name in ("loss", "reconstruction", "kl", "elbo")}

    def fit(self, x: Any = None, *arguments: Any, **options: Any) -> Any:
        self._refuse_other_losses()
        _refuse_weights(options)
        x = self._checked(x, arguments[0] if arguments else options.get("y"))
        if (held_out := options.get("validation_data")) is not None:
            if isinstance(held_out, (tuple, list)):
                options["validation_data"] = (self._checked(*held_out[:2]), *held_out[1:])
            else:
                self._checked(held_out)
        return super().fit(x, *arguments, **options)

    def evaluate(self, x: Any = None, *arguments: Any, **options: Any) -> Any:
        self._refuse_other_losses()
        _refuse_weights(options)
        if not options.get("_use_cached_eval_dataset"):  # which `fit` sets, and has looked at before
            x = self._checked(x, arguments[0] if arguments else options.get("y"))
        return super().evaluate(x, *arguments, **options)

    def predict(self, x: Any, *arguments: Any, **options: Any) -> Any:
        return super().predict(self._checked(x), *arguments, **options)

    def train_on_batch(self, x: Any, *arguments: Any, **options: Any) -> Any:
        self._refuse_other_losses()
        x = self._checked(x, arguments[0] if arguments else options.get("y"))
        return super().train_on_batch(x, *arguments, **options)

    def test_on_batch(self, x: Any, *arguments: Any, **options: Any) -> Any:
        x = self._checked(x, arguments[0] if arguments else options.get("y"))
        return super().test_on_batch(x, *arguments, **options)

    def predict_on_batch(self, x: Any) -> Any:
        return super().predict_on_batch(self._checked(x))

    def _checked(self, images: Any, targets: Any = None) -> Any:
        """What Keras is to be given, once it is looked at: it would take a list of images for several inputs."""
        images = np.asarray(images) if isinstance(images, list) else images
        check_images(images, self.image_shape, least=1)
        _refuse_targets(*_with_targets(images, targets))
        return images

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        others = [each for each in super().metrics if each.name not in self._trackers]  # those of a subclass
        return [*self._trackers.values(), *others]

    @keras.Model.jit_compile.getter
    def jit_compile(self) -> bool:
        """Whether XLA compiles whole steps: it takes none in which replicas wait for each other."""
        return not self._has_replicas and bool(keras.Model.jit_compile.fget(self))

    @property
    def compiles_pieces(self) -> bool:
        """Whether XLA compiles what a step does between two points where replicas wait for each other."""
        return self._has_replicas and bool(keras.Model.jit_compile.fget(self))

    @property
    def _has_replicas(self) -> bool:
        return int(self.distribute_strategy.num_replicas_in_sync) > 1

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Keras goes by a mean over the replicas' images, whose numbers may differ. All is built but the optimizer.
        if self._has_replicas and self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def train_step(self, data: Any) -> dict[str, Any]:
        if not self.trainable_variables:
            raise ValueError("Nothing of this model is trainable: set trainable to True, or evaluate it.")
        images = _images_of(data)
        share = share_of_batch(tf.shape(images)[0])
        seed = self._training_seed()
        samples = self.objective_samples
        noise = tf.reshape(share.normal(samples * self.latent_dim, seed), (-1, self.latent_dim))
        disturbance = self._disturbance(share, seed)
        with tf.GradientTape() as tape:
            reconstruction, kl = self.elbo_terms_of(images, noise, True, disturbance, samples)
            self._refuse_other_losses()  # of what has just been called
            if samples == 1:
                losses = reconstruction + self.beta * kl
            else:
                losses = -log_mean_exp(tf.reshape(-reconstruction - kl, (-1, samples)))
            # Replicas' gradients are added up: each brings its share of the mean over the images of all of them.
            total = tf.cast(share.total, tf.float32)
            loss = self.optimizer.scale_loss(tf.reduce_sum(losses) / total)
        self._apply(tape.gradient(loss, self.trainable_variables))
        return self._track(reconstruction, kl, losses)

    def test_step(self, data: Any) -> dict[str, Any]:
        reconstruction, kl = self.elbo_terms(_images_of(data), self._evaluation_seed())
        return self._track(reconstruction, kl, reconstruction + self.beta * kl)

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Save the state of the noise too, so that a resumed training draws what an uninterrupted one would."""
        super().save_own_variables(store)
        store["noise"] = keras.ops.convert_to_numpy(self.noise.state)

    def load_own_variables(self, store: dict[str, Any]) -> None:
        """Load what `save_own_variables` saved."""
        weights = {name: store[name] for name in store.keys() if name != "noise"}  # noqa: SIM118 (an HDF5 group)
        super().load_own_variables(weights)
        self.noise.state.assign(store["noise"])

    def piece(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let XLA compile a part of a step, where it does not compile the whole."""
        return tf.function(function, jit_compile=True, autograph=False) if self.compiles_pieces else function

    def _refuse_other_losses(self) -> None:
        if self.loss is not None:
            raise ValueError("The loss of a VAE is its own, reconstruction + beta * kl: compile it without another.")
        if any(each.name == "compile_metrics" for each in super().metrics):
            raise ValueError("A VAE measures loss, reconstruction, kl and elbo: compile it without other metrics.")
        if self.losses:
            raise ValueError(
                "A VAE has no loss but its own: what a regularizer or `add_loss` would add belongs to the "
                "reconstruction or the kl that `elbo_terms_of` of a subclass gives."
            )

    def _disturbance(self, share: Share, seed: Tensor) -> Disturbance | None:
        if not (self.dropout or self.input_noise):
            return None
        if self.dropout and self.objective_samples > 1:
            raise ValueError("Dropout takes one posterior sample an image: set objective_samples to 1 or dropout to 0.")
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        return Disturbance.draw(share, seed, self.image_shape, self.widths, self.input_noise, self.dropout)

    def _training_seed(self) -> Tensor:
        return _as_before(tf.cast(self.noise.next(), tf.int32))

    def _evaluation_seed(self) -> Tensor:
        """The same at every evaluation, which begins with its trackers reset; it leaves the training's noise alone."""
        images_before = sum_over_replicas(tf.cast(self._trackers["loss"].count, tf.int32))
        return _as_before(tf.stack([EVALUATION_SEED, images_before]))

    def _apply(self, gradients: list[Tensor]) -> None:
        def apply(gradients: list[Tensor]) -> None:
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))

        # Some twenty small operations on each weight are one with XLA. It takes none in which replicas wait for others.
        if self.compiles_updates and not (self.jit_compile or self._has_replicas or tf.executing_eagerly()):
            apply = tf.function(apply, jit_compile=True, autograph=False)
        apply(gradients)

    def _track(self, reconstruction: Tensor, kl: Tensor, losses: Tensor) -> dict[str, Any]:
        values = {
            "loss": losses,
            "reconstruction": reconstruction,
            "kl": kl,
            "elbo": -(reconstruction + kl),
        }
        for name, value in values.items():
            self._trackers[name].update_state(value)
        # Keras adds up what several workers return along an axis, which a scalar does not have.
        shape = (1,) if is_multi_worker() else ()
        return {name: tf.reshape(tracker.result(), shape) for name, tracker in self._trackers.items()}


def _images_of(data: Any) -> Tensor:
    """The images of a batch that may bring labels along, which are not looked at."""
    images, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    _refuse_weights({"sample_weight": sample_weight})
    return as_float32(images)


def _refuse_weights(options: Mapping[str, Any]) -> None:
    for name in ("sample_weight", "class_weight"):
        if options.get(name) is not None:
            raise ValueError(f"A VAE weighs all images alike: leave {name} out.")


def _with_targets(images: Any, targets: Any) -> tuple[Any, Any]:
    """Images and targets as they were given, or as the first batch has them, where the latter may be images too."""
    batch: Any = (images, targets)
    if isinstance(images, tf.data.Dataset):
        spec = images.element_spec
        has_targets = isinstance(spec, tuple) and len(spec) > 1 and len(getattr(spec[1], "shape", None) or ()) > 2
        batch = next(iter(images.take(1)), ()) if has_targets else ()
    elif isinstance(images, keras.utils.PyDataset):
        batch = images[0]
    return (batch[0], batch[1]) if isinstance(batch, tuple) and len(batch) > 1 else (images, None)


def _refuse_targets(images: Any, targets: Any) -> None:
    is_other = targets is not None and targets is not images and np.shape(targets) == np.shape(images)
    if is_other and not np.array_equal(targets, images):
        raise ValueError("A VAE reconstructs the images that it is given: leave the targets out.")


def _as_before(seed: Tensor) -> Tensor:
    """Keep the noise of trainings that were made when each replica folded its number into the seed."""
    return tf.random.experimental.stateless_fold_in(seed, 0)
