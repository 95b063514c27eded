"""A Batch becomes an Output."""
