"""What tells who a patient is, and how it is left out; imports text, tables and the hallway."""
