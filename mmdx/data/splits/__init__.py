"""Who is trained on, validated and tested: splits, folds, fewer patients; imports tables and the hallway."""
