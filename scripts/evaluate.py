"""Measure trained runs on the whole test split: python scripts/evaluate.py --help."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keras_vae.config import EvaluationConfig, add_arguments, given_options
from keras_vae.console import import_tensorflow, run_script
from keras_vae.runs import Run


def main() -> None:
    """Parse the command line, measure one run after the other, print them side by side."""
    parser = argparse.ArgumentParser(description="Measure reconstruction, likelihood and generated images of runs.")
    parser.add_argument("runs", metavar="RUN", nargs="+", help="name of a run, or the path of its folder")
    add_arguments(parser, EvaluationConfig)
    parser.add_argument("--root", metavar="FOLDER", default=".", help="keeps logs/ and saved_models/ (default: here)")
    arguments = parser.parse_args()
    config = EvaluationConfig(**given_options(arguments, EvaluationConfig))
    runs = [Run.open(name, arguments.root) for name in arguments.runs]

    import_tensorflow()
    from keras_vae.evaluation import evaluate
    from keras_vae.metrics import comparison
    from keras_vae.subject import open_subject

    for run in runs:
        open_subject(run, config)  # what is wrong with the last one is told before minutes are spent on the first
    results = [evaluate(run, config) for run in runs]
    for name in dict.fromkeys(name for name, _ in results):
        print(f"\n{comparison([metrics for each, metrics in results if each == name], name)}")
    print("\nEvery figure with its unit, split, count and protocol, and the pictures:")
    for run, (name, metrics) in zip(runs, results, strict=True):
        measured = metrics["evaluations"][name]
        print(f"    {run.folder / 'metrics.json'}\n    {run.figures}")
        print(f"    measured in {measured['seconds'] / 60:.1f} minutes, {measured['peak_memory_mib']:,} MiB of memory")


if __name__ == "__main__":
    run_script(main)
