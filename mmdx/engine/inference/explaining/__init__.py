"""Explanations piece by piece: slices and their heat, source images, pictures, the page; imports scoring and below."""
