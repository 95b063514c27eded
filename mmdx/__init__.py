"""mmdx: medical images read together with their reports."""

__version__ = "0.1.0"
