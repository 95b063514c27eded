"""Every metric, under many row weights at once; imports resampling."""
