"""`accelerate launch train.py [CONFIG] [key=value …] [--resume]` is `mmdx train` on as many processes as there are."""

import sys

from mmdx.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
