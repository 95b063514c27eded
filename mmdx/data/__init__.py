"""Files become Batches; imports the hallway."""
