"""Fusions: the representations of all modalities become one; imports the hallway."""
