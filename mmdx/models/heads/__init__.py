"""Heads: answers, and the losses that they own; imports losses, packing, sequence and the hallway."""
