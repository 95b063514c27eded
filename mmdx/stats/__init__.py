"""Scores become claims, free of torch; imports the hallway."""
