"""The files of a model folder, whoever made it: sizes, weights, what of them may be copied; imports data and models."""
