"""Whether explanations point to what a model uses: what is deleted, inserted, randomised; imports scores and below."""
