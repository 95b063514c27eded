"""Run folders: which one a training takes, what is recorded there, its files read back; imports data and hallway.

Where each file lies, `mmdx.files.RunLayout` says. Imports the data room and the hallway.
"""
