"""One question of a reviewer per file or package, as a `Section`; imports report and what lies below it."""
