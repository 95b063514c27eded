"""In which order slices stand, and on what evidence; imports the hallway and headers as they were read."""
