"""Run folders: where everything lies, and what is recorded; imports data and the hallway."""
