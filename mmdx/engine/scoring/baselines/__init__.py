"""Answers that ask for no deep model, one family per file; imports scores, assembly and what lies below them."""
