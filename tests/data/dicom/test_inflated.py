"""A deflated file is read like any other, and inflated no further than it is read."""

import io
import zlib

import numpy as np
import pydicom
import pytest
from encoded_dicom import write
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from mmdx.data.dicom import inflated
from mmdx.data.dicom.files import check_complete, decode_frames, read_header
from mmdx.data.dicom.inflated import is_deflated, readable
from mmdx.errors import DataError

PIXELS = np.arange(2 * 8 * 6, dtype="u2").reshape(2, 8, 6)


@pytest.fixture
def deflated(tmp_path):
    return write(tmp_path / "a.dcm", PIXELS, bits=16, syntax=DeflatedExplicitVRLittleEndian)


def test_the_content_is_that_of_the_file_uncompressed(deflated, tmp_path):
    plain = write(tmp_path / "b.dcm", PIXELS, bits=16, syntax=ExplicitVRLittleEndian)
    assert (is_deflated(deflated), is_deflated(plain)) == (True, False)
    with readable(plain) as source:
        assert source == plain
    with readable(deflated) as source:
        assert pydicom.dcmread(source).PixelData == PIXELS.tobytes()
        source.seek(0, io.SEEK_END)
        end = source.tell()
        source.seek(128)
        assert source.read(4) == b"DICM"
        assert source.seek(-4, io.SEEK_CUR) == 128
        assert len(source.read()) == end - 128
    header = read_header(deflated)
    check_complete(deflated, header)
    assert header.filename == str(deflated)
    assert np.array_equal(decode_frames(deflated, [1, 0]), PIXELS[::-1])


def bomb(path, deflated, size):
    """The file with as many zeros for pixels."""
    content = deflated.read_bytes()
    start = inflated._deflated_from(deflated, content)
    head = zlib.decompressobj(-15).decompress(content[start:])[: -len(PIXELS.tobytes()) - 4]
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [stream.compress(head + size.to_bytes(4, "little")), stream.compress(bytes(size)), stream.flush()]
    path.write_bytes(content[:start] + b"".join(parts))
    return path


def test_a_header_is_read_without_inflating_the_pixels(deflated, tmp_path, monkeypatch):
    monkeypatch.setattr(inflated, "MOST_BYTES", 2**21)
    path = bomb(tmp_path / "bomb.dcm", deflated, 2**23)
    assert read_header(path).Rows == 8
    with pytest.raises(DataError, match=r"bomb\.dcm: inflates to more than 2097152 bytes; export it uncompressed$"):
        decode_frames(path, [0])


def test_what_has_no_end_is_truncated(deflated):
    deflated.write_bytes(deflated.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"a\.dcm: truncated: what is deflated has no end"):
        decode_frames(deflated, [0])
