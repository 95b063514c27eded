"""Resamples of patients and what intervals are made of them; imports the hallway alone."""
