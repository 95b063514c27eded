"""What a model is worth where its answer is acted on: net benefit, an operating point, and which model leads."""
