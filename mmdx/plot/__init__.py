"""Pictures for a notebook, on axes of matplotlib, as the page draws them; imports engine, stats, data and the hallway.

Each function draws on `ax`, or on new axes of pyplot where none is given, and returns the axes. It saves nothing and
changes no setting of matplotlib. Colours, dashes and names are those of the page that `mmdx.compare` writes; on a dark
ground (where the letters of the axes are bright) those of its dark page.
"""

from mmdx.plot.curves import calibration, forest, missing, roc
from mmdx.plot.montage import slices

__all__ = ["calibration", "forest", "missing", "roc", "slices"]
