"""A Batch becomes an Output; imports the hallway."""
