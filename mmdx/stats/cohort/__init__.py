"""Prediction files become the rows of one comparison; imports metrics and resampling."""
