"""Stacks: linear models beside a network, and how much each answer counts; imports baselines and what lies below."""
