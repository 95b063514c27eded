"""The templates of what a notebook shows of an answer; package data, no code."""
