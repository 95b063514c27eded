"""Text encoders: tokens become a representation; imports the hallway and packing."""
