"""Which patients train, validate and test: splits, folds, fewer patients; imports tables and the hallway."""
