"""Where data, models and statistics meet; imports all three and the hallway."""
