"""Stacking: what the network says, and linear models beside it, become one answer; imports what lies below heads."""
