"""Whole experiments: one run, two stages, folds, guidance, ablation; imports everything below it."""
