"""Paired tests, clustered by patient, and corrections; imports cohort, metrics and resampling."""
