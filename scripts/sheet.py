"""Set a text in Markdown as a PDF: python scripts/sheet.py --help."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keras_vae.console import run_script


def main() -> None:
    """Parse the command line, write the PDF, say where it is."""
    parser = argparse.ArgumentParser(description="Write a text in Markdown as a PDF beside it.")
    parser.add_argument("text", metavar="FILE", type=Path, help="headings, paragraphs and lists in Markdown")
    arguments = parser.parse_args()

    from keras_vae.sheets import write_sheet

    print(write_sheet(arguments.text))


if __name__ == "__main__":
    run_script(main)
