"""The assembler: a config and a store become a model, a loader and their checks; imports runs, data and models."""
