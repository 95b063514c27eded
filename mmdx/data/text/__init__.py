"""Reports as text: their sections, what of them a model may read, and tokens; imports memory and the hallway."""
