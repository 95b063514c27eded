"""All measures of all arms under one set of resamples; imports significance and what lies below it."""
