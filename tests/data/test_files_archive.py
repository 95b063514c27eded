"""A zip from a stranger is unpacked inside its own folder and inside its bounds, or refused in one line."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdx.data import files
from mmdx.data.files import unpacked
from mmdx.errors import DataError


def write_zip(path: Path, entries: dict[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught, unpacked(path):
        pass
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_the_content_is_there_for_the_while_and_gone_afterwards(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "patient 7.zip", {"a.txt": b"one", "deep/b.txt": b"two", "empty/": b""})
    with unpacked(path) as folder:
        assert folder.name == "patient 7"
        assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} == {"a.txt", "deep/b.txt"}
        assert (folder / "deep" / "b.txt").read_bytes() == b"two"
    assert not folder.exists()


def test_it_is_gone_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError), unpacked(write_zip(tmp_path / "a.zip", {"a.txt": b"one"})) as folder:
        raise KeyError
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../out.txt", "deep/../../out.txt", "/etc/out.txt", "deep/.."])
def test_an_entry_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    path = write_zip(tmp_path / "a.zip", {"fine.txt": b"", name: b"x"})
    assert refusal(path) == f"{path}: entry '{name}' leaves the archive's folder; refused"
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_FILES", 2)
    path = write_zip(tmp_path / "a.zip", {"a": b"", "b": b"", "c": b""})
    assert "3 files and 0.0 GiB unpacked are more than the bound of 2" in refusal(path)


def test_too_many_bytes_are_refused_by_what_they_unpack_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 10_000)
    bomb = write_zip(tmp_path / "a.zip", {"a": bytes(10_001)}, compression=zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 1_000
    assert "more than the bound" in refusal(bomb)


def test_an_entry_that_states_fewer_bytes_than_it_has_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a": bytes(5_000)}, compression=zipfile.ZIP_DEFLATED)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(struct.pack("<L", 5_000), struct.pack("<L", 10)))
    assert "cannot be unpacked" in refusal(path)


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("1.png", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("1.png", b"two")
    assert "entry '1.png' is listed twice" in refusal(tmp_path / "a.zip")


@pytest.mark.parametrize("other", ["./1.png", "deep/.//../1.png", ".//1.png"])
def test_one_place_under_two_names_is_refused(tmp_path: Path, other: str) -> None:
    assert "refused" in refusal(write_zip(tmp_path / "a.zip", {"1.png": b"one", other: b"two"}))


def test_an_entry_without_a_name_is_refused(tmp_path: Path) -> None:
    assert "entry '.' leaves" in refusal(write_zip(tmp_path / "a.zip", {"1.png": b"one", ".": b"two"}))


def test_a_link_comes_out_as_a_plain_file(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("link.png")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(entry, "/etc/passwd")
    with unpacked(tmp_path / "a.zip") as folder:
        assert not (folder / "link.png").is_symlink()
        assert (folder / "link.png").read_bytes() == b"/etc/passwd"


def flagged(raw: bytes, flags: int) -> bytes:
    """The bytes of a zip of one entry, with `flags` in its local and its central header."""
    local, central = raw.index(b"PK\x03\x04") + 6, raw.index(b"PK\x01\x02") + 8
    for place in (local, central):
        raw = raw[:place] + struct.pack("<H", flags) + raw[place + 2 :]
    return raw


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.txt": b"secret content"})
    path.write_bytes(flagged(path.read_bytes(), 1))
    assert "encrypted" in refusal(path)


@pytest.mark.parametrize("how", ["empty", "noise", "cut", "bits", "deflate", "name", "method", "folder", "missing"])
def test_a_broken_archive_is_one_line(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.zip"
    method = zipfile.ZIP_DEFLATED if how == "deflate" else zipfile.ZIP_STORED
    raw = write_zip(path, {"name.txt": b"some content, some content"}, compression=method).read_bytes()
    if how == "bits":
        raw = raw.replace(b"content", b"c0ntent", 1)
    elif how == "deflate":
        start = raw.index(b"name.txt") + 8
        raw = raw[:start] + b"\xff" * 8 + raw[start + 8 :]
    elif how == "name":
        raw = flagged(raw.replace(b"name", b"n\xff\xfee"), 0x800)
    elif how == "method":
        central = raw.index(b"PK\x01\x02")
        raw = raw[: central + 10] + struct.pack("<H", 77) + raw[central + 12 :]
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how != "missing":
        path.write_bytes({"empty": b"", "noise": b"PK\x03\x04 no zip", "cut": raw[:-30]}.get(how, raw))
    assert "cannot be unpacked" in refusal(path)


def test_names_that_the_disk_refuses_are_one_line(tmp_path: Path) -> None:
    assert "cannot be unpacked" in refusal(write_zip(tmp_path / "long.zip", {"a" * 300: b"x"}))
    assert "cannot be unpacked" in refusal(write_zip(tmp_path / "both.zip", {"a": b"x", "a/b": b"x"}))


PARTS = st.sampled_from(["a", "b", "..", ".", "", "C:", "a b", "é", "\n", "con", "~", "a\\b", "x" * 20])
ENTRIES = st.tuples(
    st.lists(PARTS, min_size=1, max_size=4).map("/".join),
    st.binary(max_size=50),
    st.sampled_from([stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFREG | 0o4777, stat.S_IFIFO]),
)


@given(st.lists(ENTRIES, max_size=6), st.none() | st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=4)))
def test_whatever_it_holds_it_stays_in_its_folder_whole_or_is_refused_in_one_line(entries, damage) -> None:
    with TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "MOST_FILES", 4)
        patch.setattr(files, "MOST_BYTES", 120)
        patch.setenv("TMPDIR", temporary)
        patch.setattr("tempfile.tempdir", temporary)
        path = Path(temporary, "a.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, pytest.MonkeyPatch.context() as quiet:
            quiet.setattr("warnings.warn", lambda *_, **__: None)  # names that come twice
            for name, content, mode in entries:
                entry = zipfile.ZipInfo(name or "a")
                entry.create_system, entry.external_attr = 3, mode << 16
                file.writestr(entry, content)
        if damage is not None:
            raw = path.read_bytes()
            path.write_bytes(raw[: damage[0]] + damage[1] + raw[damage[0] + len(damage[1]) :])
        refused: tuple[str, ...] = ()
        try:
            with unpacked(path) as folder:
                found = [Path(where, name) for where, _, names in os.walk(folder) for name in names]
                expected = set(found) | {folder, folder.parent, path, Path(temporary)}
                assert all(file.is_file() and not file.is_symlink() for file in found)
                assert len(found) <= 4
                assert sum(file.stat().st_size for file in found) <= 120
                everything = {Path(where, name) for where, _, names in os.walk(temporary) for name in names}
                assert everything <= expected
                if damage is None:
                    assert len(found) == len([name for name, _, _ in entries if not (name or "a").endswith("/")])
        except DataError as error:
            refused = error.problems
        assert [len(line.splitlines()) for line in refused] in ([], [1])
        assert sorted(p.name for p in Path(temporary).iterdir()) == ["a.zip"]


def test_backslashes_of_windows_programs_part_folders(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"p1\\1.png": b"one", "p2\\1.png": b"two", "p3\\": b""})
    with unpacked(path) as folder:
        files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        assert files == ["p1/1.png", "p2/1.png"]
        assert (folder / "p2" / "1.png").read_bytes() == b"two"


@pytest.mark.parametrize("name", ["..\\..\\x", "\\x", "C:\\x", "C:x", "\\\\server\\x"])
def test_backslashes_leave_the_folder_no_more_than_slashes(tmp_path, name):
    assert "leaves the archive's folder; refused" in refusal(write_zip(tmp_path / "a.zip", {name: b"x"}))


def test_one_place_by_both_slashes_is_refused(tmp_path):
    assert "listed twice" in refusal(write_zip(tmp_path / "a.zip", {"p/1.png": b"one", "p\\1.png": b"two"}))


@pytest.mark.parametrize("name", ["inner.zip", "deep/Inner.ZIP", "scans.tar.gz"])
def test_an_archive_within_an_archive_is_named(tmp_path, name):
    path = write_zip(tmp_path / "a.zip", {"1.png": b"one", name: b"two"})
    assert refusal(path) == f"{path}: holds another archive, '{name}'; unpack that first, and give the folder"


def test_ways_of_compression_that_take_what_memory_they_ask_for_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.png": b"x"}, compression=zipfile.ZIP_LZMA)
    assert refusal(path).endswith(
        "cannot be unpacked ('a.png' is compressed in a way that is not read); zip it by deflate"
    )
    with unpacked(write_zip(tmp_path / "b.zip", {"a.png": b"x"}, compression=zipfile.ZIP_BZIP2)) as folder:
        assert (folder / "a.png").read_bytes() == b"x"


def test_a_pipe_is_no_archive(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.zip")
    assert "a pipe and no file" in refusal(tmp_path / "a.zip")


def test_an_entry_without_a_name_is_a_line(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a": b"x"})
    path.write_bytes(path.read_bytes().replace(b"a", b"\0"))
    assert "a.zip: " in refusal(path)


def test_an_archive_with_a_password_is_told_by_that(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"p/1.png": b"one"})
    raw = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + flags] |= 1
    path.write_bytes(raw)
    assert refusal(path) == f"{path}: is locked with a password; unpack it, and give the folder"
