from __future__ import annotations

import codecs
import os
import socket
import unicodedata
from pathlib import Path

import pytest

from mmdx.data.files import decoded, inside, listing, walked
from mmdx.errors import DataError


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "set"
    (root / "images").mkdir(parents=True)
    (root / "images" / "1.png").write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    return root


@pytest.mark.parametrize("name", ["images/1.png", "images", "./images/../images/1.png"])
def test_a_file_or_folder_inside_is_found(root, name):
    assert inside(root, name, "here") == root / name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../secret.png", "'../secret.png' leaves"),
        ("images/../../secret.png", "leaves"),
        ("../nowhere.png", "leaves"),
        ("/etc/passwd", "is absolute"),
        ("C:\\scan.png", "is absolute"),
        ("\\\\server\\scan.png", "is absolute"),
        ("images/2.png", "no file 'images/2.png'"),
        ("images/1.png/2.png", "no file"),
        ("x" * 300, "no file"),
        ("", "is no file name"),
        (" ", "is no file name"),
        ("a\0b", "is no file name"),
    ],
)
def test_other_names_are_refused_at_their_place(root, name, problem):
    with pytest.raises(DataError) as error:
        inside(root, name, "m.csv, row 2")
    assert str(error.value).startswith("m.csv, row 2: ")
    assert problem in str(error.value)


def test_links_are_followed_before_judging(root, tmp_path):
    (root / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "circle.png").symlink_to(root / "circle.png")
    (root / "alias.png").symlink_to(root / "images" / "1.png")
    assert inside(root, "alias.png", "here") == root / "alias.png"
    with pytest.raises(DataError, match=r"'out.png' leaves"):
        inside(root, "out.png", "here")
    with pytest.raises(DataError, match=r"no file 'circle.png'"):
        inside(root, "circle.png", "here")


def test_a_root_that_is_itself_a_link_is_fine(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    assert inside(tmp_path / "link", "images/1.png", "here") == tmp_path / "link" / "images/1.png"


def test_a_listing_leaves_out_what_systems_leave_behind(root):
    for name in (".DS_Store", "Thumbs.db", "DICOMDIR", "b.png", "a.png"):
        (root / name).write_bytes(b"")
    (root / "__MACOSX").mkdir()
    files, folders = listing(root, root)
    assert [p.name for p in files] == ["a.png", "b.png"]
    assert [p.name for p in folders] == ["images"]


def test_a_listing_needs_a_folder_and_no_links_out_of_it(root, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        listing(root / "nowhere", root)
    (root / "out.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match=r"'out.png' leaves"):
        listing(root, root)


def test_a_link_from_one_folder_to_another_stays_inside(root):
    (root / "more").mkdir()
    (root / "more" / "alias.png").symlink_to(root / "images" / "1.png")
    assert listing(root / "more", root) == ([root / "more" / "alias.png"], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(encoding):
    assert decoded("Größe 胸".encode(encoding)) == "Größe 胸"


def test_a_mark_that_stands_there_twice_is_dropped_too():
    assert decoded(codecs.BOM_UTF8 * 3 + b"a") == decoded(codecs.BOM_UTF16_LE + "\ufeffa".encode("utf-16-le")) == "a"


def test_marks_of_both_byte_orders_and_an_encoding_that_is_said():
    assert decoded(codecs.BOM_UTF16_BE + "ä胸".encode("utf-16-be")) == "ä胸"
    assert decoded("ä".encode("latin-1"), "latin-1") == "ä"
    with pytest.raises(UnicodeError, match="UTF-16 without a byte order mark"):
        decoded("Mass".encode("utf-16-le"))


@pytest.mark.parametrize(("stored", "asked"), [("NFD", "NFC"), ("NFC", "NFD"), ("NFD", "NFD")])
def test_accents_joined_or_apart_are_one_name(root, stored, asked):
    folder, file = (unicodedata.normalize(stored, name) for name in ("Müller", "é1.png"))
    (root / folder).mkdir()
    (root / folder / file).write_bytes(b"x")
    assert inside(root, unicodedata.normalize(asked, "Müller/é1.png"), "here") == root / folder / file
    with pytest.raises(DataError, match="no file"):
        inside(root, "Müller/é2.png", "here")


def test_a_root_relative_to_the_working_folder_is_joined_once(root, monkeypatch):
    (root / unicodedata.normalize("NFD", "é.png")).write_bytes(b"x")
    monkeypatch.chdir(root.parent)
    assert inside(Path(root.name), "é.png", "here").read_bytes() == b"x"


def test_of_two_names_that_look_the_same_the_one_that_is_spelled_counts(root):
    for form in ("NFC", "NFD"):
        (root / unicodedata.normalize(form, "é.png")).write_bytes(form.encode())
    for form in ("NFC", "NFD"):
        assert inside(root, unicodedata.normalize(form, "é.png"), "here").read_bytes() == form.encode()


def test_a_link_out_is_refused_by_any_spelling(root, tmp_path):
    (root / unicodedata.normalize("NFD", "é.png")).symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match="leaves"):
        inside(root, "é.png", "here")


def test_pipes_sockets_and_devices_are_named_and_never_read(root, monkeypatch):
    os.mkfifo(root / "a.png")
    monkeypatch.chdir(root)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("b.png")
        for name, kind in (("a.png", "a pipe"), ("b.png", "a socket")):
            with pytest.raises(DataError, match=rf"{name}: {kind} and no file, so it is not read"):
                inside(root, name, "here")
    (root / "c.png").symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"/dev/zero: a device and no file"):
        inside(root, "c.png", "here", outside=True)
    with pytest.raises(DataError, match="a pipe"):
        listing(root, root)


def test_all_below_a_folder_is_found_however_deep_it_lies(deep_folder, tmp_path):
    folder = tmp_path / "root"
    (folder / "b").write_bytes(b"")
    (folder / "link").symlink_to(folder)
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "c").write_bytes(b"")
    (deep_folder / "last").write_bytes(b"")
    assert [entry.name for entry in walked(folder)] == ["b", "link", "last"]
