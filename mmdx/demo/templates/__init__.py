"""What the page in the browser is made of: templates, its style and its script; package data, no code."""
