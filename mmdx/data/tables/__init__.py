"""Tables of other people: CSV and JSON Lines, joins, labels, classes, words for splits, dates; imports the hallway."""
