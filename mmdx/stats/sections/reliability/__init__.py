"""Calibration before and after temperature scaling: section and plot."""
