"""Config and store become parts, facts, texts, model, loader, saved model; imports runs, data and models.

Imports data, models, the hallway, and of the engine processes and runs.
"""
