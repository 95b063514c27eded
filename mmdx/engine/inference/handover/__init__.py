"""An answer leaves the house as DICOM: a report on the very images that it was read from; imports scoring and below."""
