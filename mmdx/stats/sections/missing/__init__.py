"""What is left as a modality goes missing: the curve and its section."""
