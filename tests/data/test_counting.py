"""How a long work says how far it is."""

from mmdx.data.counting import Count, counting, uncounted


def test_nobody_need_listen(capsys):
    count: Count = uncounted
    count("reading", 1, 2, "studies")
    assert capsys.readouterr() == ("", "")


def test_parts_are_counted_as_they_are_taken():
    told: list[tuple[str, int, int, str]] = []
    parts = counting(["ab", "c"], len, "stacking", 3, lambda *words: told.append(words))
    assert told == []
    assert next(parts) == "ab"
    assert told == [("stacking", 0, 3, "studies")]
    assert list(parts) == ["c"]
    assert told[1:] == [("stacking", 2, 3, "studies"), ("stacking", 3, 3, "studies")]
