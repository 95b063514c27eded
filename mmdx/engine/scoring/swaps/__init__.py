"""Studies whose inputs are exchanged, withheld or reworded: what a model says of each; imports scores and assembly."""
