"""Readers find studies: `read(root, *, option=default) -> list[Study]`. No pixel is decoded yet.

Importing this package registers all of them.
"""
