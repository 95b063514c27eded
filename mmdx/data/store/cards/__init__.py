"""What a store says of itself: a card for people and a description for programs; imports the store's layout and below.

`card.md` is a dataset card of Hugging Face, `croissant.json` the same in Croissant 1.0.
"""
