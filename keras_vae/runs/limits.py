"""What options may be, as far as several modules say it; without TensorFlow, which `--help` has no time for."""

__all__ = ["MOST", "MOST_COUPLINGS", "MOST_LAYERS", "WITH_VARIANCE"]

MOST = 1_000_000  # epochs, images in a batch, MiB: more is a slip of the hand, and would overflow where it is used
MOST_LAYERS, MOST_COUPLINGS = 32, 100
WITH_VARIANCE = ("gaussian", "laplace")  # likelihoods, as the model has them
