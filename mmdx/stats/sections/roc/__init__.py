"""ROC and precision-recall curves with bands, and their section."""
