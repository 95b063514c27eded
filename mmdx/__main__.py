"""`python -m mmdx` is `mmdx`."""

from mmdx.cli import main

if __name__ == "__main__":
    main()
