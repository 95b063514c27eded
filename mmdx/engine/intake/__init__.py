"""Raw files: what they hold, and the store made of them; imports runs, data and the hallway."""
