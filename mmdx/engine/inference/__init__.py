"""Raw files in, answers out: predictions and explanations; imports training and what lies below it."""
