"""How well lesions are found: box files, measures, table and section."""
