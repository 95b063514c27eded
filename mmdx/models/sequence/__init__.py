"""Sequence models: many items of a study become one representation; imports the hallway and packing."""
