"""Run folders: which one a training takes, what is recorded there, its files read back; imports data and stats.

Where each file lies, `mmdx.files.RunLayout` says; whether a run is finished, `mmdx.stats.cohort.unfinished`.
"""
