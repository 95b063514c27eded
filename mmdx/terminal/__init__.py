"""What the command line shows: tables and closing lines, one module per verb; imports engine, stats and data."""
