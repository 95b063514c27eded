"""Image files of any kind become pixels, and files become a modality; imports dicom, order and what lies below them."""
