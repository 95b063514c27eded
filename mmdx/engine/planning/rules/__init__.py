"""The rules of the planner, one question per file: facts become choices with their reasons; imports facts."""
