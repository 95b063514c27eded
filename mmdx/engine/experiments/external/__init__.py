"""External validation: a finished run scored on a second cohort; imports reporting, scoring and below."""
