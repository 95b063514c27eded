"""Verbs that carry a model to people, one module per use; imports the terminal, the public functions and below."""
