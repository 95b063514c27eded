"""What may be wrong with a prepared cohort: splits that leak, reports that answer, shortcuts, labels."""
