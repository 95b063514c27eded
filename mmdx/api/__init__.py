"""The public functions: each does the work of one verb and returns a value; imports engine, stats, data, hallway."""
