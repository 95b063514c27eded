"""Plans: a cohort and a machine become a config with a reason per line; imports everything below it."""
