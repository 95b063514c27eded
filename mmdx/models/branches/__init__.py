"""Branches: packed items of one kind of modality become `Features`; imports the hallway and the packages of parts."""
