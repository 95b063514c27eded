"""A strong modality teaches a weak one; imports single runs and what lies below them."""
