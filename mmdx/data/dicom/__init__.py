"""DICOM files: headers, pixels, series and exams; imports order, privacy and what lies below them."""
