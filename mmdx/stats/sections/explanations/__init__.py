"""Whether explanations were checked, and what came of it: the file, its measures, and their section."""
