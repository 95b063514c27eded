"""Tables of other people: CSV and JSON Lines, joins, labels, groups of classes, dates; imports the hallway, quiet."""
