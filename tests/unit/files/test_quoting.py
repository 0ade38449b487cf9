import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hospital_prepay.files import quoting
from hospital_prepay.files.quoting import unquote


def plain(content, delimiter=",", newline="\n"):
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "a", Path(folder) / "b"
        source.write_bytes(content.encode())
        return target.read_text(encoding="utf-8") if unquote(source, target, delimiter, newline) else None


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_quoted_cells_lose_their_quotes_and_keep_their_commas(newline):
    text = newline.join(('"a","b"', '"1,5",""', '"",",",'[:-1]))
    assert plain(text + newline, newline=newline) == "a\x1fb\n1,5\x1f\n\x1f,\n"


@pytest.mark.parametrize(
    "text",
    [
        '"x"\n","y""\n',
        '"a",b\n',
        'a,"b"\n',
        '"a""b","c"\n',
        '"a\nb","c"\n',
        '"a" ,"b"\n',
        '"a"b"\n',
        "a\n",
        '"\n',
        '"a","b""\n',
        '"a"\n""\n"b"\n"',
    ],
)
def test_anything_else_is_left_to_the_careful_reader(text):
    assert plain(text) is None


cells = st.text('ab,"\n心', max_size=4)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=8), st.integers(1, 12))
def test_what_is_made_plain_reads_as_the_careful_reader_reads_it(rows, chunk):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quoting, "CHUNK", chunk)
        found = plain(text.getvalue())
    marks = {sign for row in rows for cell in row for sign in cell}
    if found is None:
        assert marks & set(',"\n')
    else:
        assert not marks & set('"\n')
        assert [line.split("\x1f") for line in found.split("\n")[:-1]] == rows
