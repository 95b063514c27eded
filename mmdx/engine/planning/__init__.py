"""Plans: a cohort and a machine become a config with a reason per line; imports intake, training and below."""
