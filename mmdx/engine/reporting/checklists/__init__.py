"""CLAIM and TRIPOD+AI, filled from the files of a run; imports runs and the hallway."""
