"""Look at the latent space of a trained run: python scripts/explore.py --help."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keras_vae.config import ExplorationConfig, add_arguments, given_options
from keras_vae.console import import_tensorflow, run_script
from keras_vae.runs import Run


def main() -> None:
    """Parse the command line, explore one run, print what was found."""
    parser = argparse.ArgumentParser(description="Map a latent space, measure its clusters, travel through it.")
    parser.add_argument("run", metavar="RUN", help="name of a run, or the path of its folder")
    add_arguments(parser, ExplorationConfig)
    parser.add_argument("--root", metavar="FOLDER", default=".", help="keeps logs/ and saved_models/ (default: here)")
    arguments = parser.parse_args()
    config = ExplorationConfig(**given_options(arguments, ExplorationConfig))
    run = Run.open(arguments.run, arguments.root)

    import_tensorflow()
    from keras_vae.exploration import explore, summary

    print(f"\n{summary(explore(run, config))}\n")
    print("All figures and pictures:")
    print(f"    {run.folder / 'latent.json'}\n    {run.figures}")


if __name__ == "__main__":
    run_script(main)
