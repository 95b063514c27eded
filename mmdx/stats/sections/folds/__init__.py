"""How folds of a cross-validation spread, and their section."""
