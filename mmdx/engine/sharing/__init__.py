"""A model goes to the Hugging Face Hub and comes back: what of it may go, and its card; imports assembly and below."""
