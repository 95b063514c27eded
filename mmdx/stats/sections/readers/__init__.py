"""How several readers agree, with each other and with a model, and their section."""
