"""CLAIM, TRIPOD+AI, STARD-AI and PROBAST+AI, filled from the files of a run; imports runs and the hallway."""
