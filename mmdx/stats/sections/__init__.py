"""Parts of a written comparison, a file each."""
