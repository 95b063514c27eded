"""Shapes and types of every function in mmdx are checked while the tests run."""

from jaxtyping import install_import_hook

install_import_hook("mmdx", "beartype.beartype")
