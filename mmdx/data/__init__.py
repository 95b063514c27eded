"""Files become Batches."""
