"""Run folders: which one a training takes, what is recorded there, and its files read back.

Where each file lies, `mmdx.files.RunLayout` says. Imports the data room and the hallway.
"""
