"""Nodes of a hospital's network: studies are received from them, and answers are sent; imports engine and below."""
