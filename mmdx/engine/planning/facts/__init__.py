"""What is known before anything is prepared: of a cohort, of its pixels and reports, of the machine; imports data."""
