"""The templates and the style of a written comparison; package data, no code."""
