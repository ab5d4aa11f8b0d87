"""Kill commands, damage files, fill disks, and count what survives: python scripts/reliability.py --help."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keras_vae.cli import run_script

if __name__ == "__main__":
    run_script("reliability")
