"""A model on a store: prediction files, baselines, boxes, texts, descriptors; imports assembly and below."""
