"""A submission to the RSNA 2019 hemorrhage challenge from slice predictions.

    mmdx predict RUN SRC/stage_2_test --out scored
    python scripts/rsna_submission.py scored/predictions.json SRC submission.csv

PREDICTIONS is that file, or a `predictions/*_slices.csv` of a run; SRC the folder of the challenge. Images without a
score of their own take a mean (`mmdx.engine.inference.rsna2019` says which) and are counted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmdx.engine.inference.rsna2019 import write_submission
from mmdx.errors import MmdxError


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shown", help="which showing, such as image, where the file holds several")
    parser.add_argument("--part", choices=["train", "test"], default="test")
    given = parser.parse_args(arguments)
    try:
        coverage = write_submission(given.predictions, given.source, given.out, part=given.part, shown=given.shown)
    except MmdxError as error:
        print(f"rsna_submission: {error}", file=sys.stderr)
        return error.exit_code
    print("\n".join([f"{given.out}:", *coverage.lines()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
