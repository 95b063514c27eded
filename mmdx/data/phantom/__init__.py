"""The phantom: made head CTs with reports, whose modalities tell a known amount; imports the hallway."""
