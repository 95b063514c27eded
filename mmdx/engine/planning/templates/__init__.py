"""The templates of what a folder for a new study begins with; package data, no code."""
