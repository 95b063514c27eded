"""The loop, its objective and its state; imports scoring and what lies below it."""
