"""Studies of a store become Batches; the only room of `data` that knows torch; imports store, text and the hallway."""
