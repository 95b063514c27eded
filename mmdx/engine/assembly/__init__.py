"""Config and store become everything that a training needs: parts, facts, texts, model, loader, saved model.

Imports data, models, the hallway, and of the engine processes and runs.
"""
