"""Scores become claims; free of torch."""
