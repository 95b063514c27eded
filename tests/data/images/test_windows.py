import numpy as np

from mmdx.data.images.windows import WINDOWS, looked_at


def test_hounsfield_units_are_shown_in_their_window_and_colour_as_it_is() -> None:
    units = np.array([[[-50, 0, 40, 80, 900]]], dtype=np.int16)
    assert looked_at(units, (40.0, 80.0)).tolist() == [[0, 0, 128, 255, 255]]
    assert looked_at(units, WINDOWS["lung"])[0, 4] == 255
    colour = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    assert looked_at(colour, (40.0, 80.0))[0, 1].tolist() == [1, 5, 9]
