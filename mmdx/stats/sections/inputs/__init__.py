"""Whether a model uses both of its inputs: swaps between patients, interaction, Shapley shares, and their section."""
