"""How far a model travels: a second cohort against the first, recalibration with few patients, and their section."""
