"""How subgroups of patients differ: groups, gaps and their section."""
