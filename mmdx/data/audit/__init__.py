"""Issues of a store: splits that leak, reports that state labels, shortcuts, wrong labels; imports store and below.

It imports the store, splits, text and the hallway.
"""
