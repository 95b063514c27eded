"""What strangers made: how their files are read, and how their names are shown; imports the hallway."""
