"""Where data, models and statistics meet."""
