"""The store on disk: studies are decoded once, written as Arrow and read back; imports splits, images and below."""
