"""All paired tests of two arms, and their section."""
