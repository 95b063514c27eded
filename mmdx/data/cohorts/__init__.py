"""A second cohort under the names of a first, and who of the first stands in it; imports store and audit."""
