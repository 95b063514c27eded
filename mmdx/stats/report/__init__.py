"""A comparison for people: sentences, tables, plots, the page; imports comparison and what lies below it."""
