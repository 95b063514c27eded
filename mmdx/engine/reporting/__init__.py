"""What a run says of itself: its comparison, cards, audits and checklists; imports training and what lies below it."""
