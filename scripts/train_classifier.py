"""Train the classifier whose features and verdicts the evaluation uses: python scripts/train_classifier.py --help."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keras_vae.console import import_tensorflow, run_script
from keras_vae.errors import InputError


def main() -> None:
    """Train, print the accuracy on every split, keep the weights."""
    parser = argparse.ArgumentParser(description="Train the small Fashion-MNIST classifier of the evaluation.")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the training images (default: 15)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and changes (default: 0)")
    parser.add_argument("--output", type=Path, help="the .weights.h5 file (default: the one that is shipped)")
    arguments = parser.parse_args()
    if arguments.epochs < 2:
        raise InputError(f"--epochs must be at least 2, not {arguments.epochs}: the first only warms up.")

    if arguments.output and not arguments.output.name.endswith(".weights.h5"):
        raise InputError(f"--output must end in .weights.h5, not {arguments.output}.")

    import_tensorflow()
    from keras_vae.classifier import CLASSIFIER_WEIGHTS, classifier_accuracy, train_classifier
    from keras_vae.data import open_dataset

    data = open_dataset()
    path = arguments.output or CLASSIFIER_WEIGHTS
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    classifier = train_classifier(data, arguments.epochs, arguments.seed)
    minutes = (time.perf_counter() - start) / 60
    part = path.with_name(f".part.{path.name}")
    classifier.save_weights(part, overwrite=True)
    part.replace(path)
    for split, count in data.counts.items():
        print(f"{split:<12}{classifier_accuracy(classifier, data, split):>8.2%} of {count:,} images")
    print(f"{arguments.epochs} epochs in {minutes:.1f} minutes; {path.stat().st_size / 1e6:.2f} MB in {path}")


if __name__ == "__main__":
    run_script(main)
