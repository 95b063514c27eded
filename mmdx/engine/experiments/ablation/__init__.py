"""Each input alone, the fusion and its variants, trained and compared; imports single runs and what lies below them."""
