"""Multi-class groups and challenge scores, and their section."""
