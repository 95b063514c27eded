"""How a long work says how far it is."""

from mmdx.data.counting import Count, uncounted


def test_nobody_need_listen(capsys):
    count: Count = uncounted
    count("reading", 1, 2, "studies")
    assert capsys.readouterr() == ("", "")
