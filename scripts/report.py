"""Put a trained run on one page: python scripts/report.py --help."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keras_vae.console import run_script
from keras_vae.runs import Run


def main() -> None:
    """Parse the command line, write the report, say where it is."""
    parser = argparse.ArgumentParser(description="Write a one-page PDF on a run: model, results, latent space.")
    parser.add_argument("run", metavar="RUN", help="name of a run, or the path of its folder")
    parser.add_argument("--root", metavar="FOLDER", default=".", help="keeps logs/ and saved_models/ (default: here)")
    arguments = parser.parse_args()
    run = Run.open(arguments.run, arguments.root)

    from keras_vae.report import write_report

    print(write_report(run))


if __name__ == "__main__":
    run_script(main)
