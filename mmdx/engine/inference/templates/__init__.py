"""The templates of what a notebook shows of an answer, and of the page of explanations; package data, no code."""
