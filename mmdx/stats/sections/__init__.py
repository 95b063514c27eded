"""The parts of a written comparison, a module each."""
