from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.hl7.folder import messages_in
from hospital_prepay.hl7.frames import Frame, FrameReader, framed
from tests.admissions import raw


def cut(stream: bytes, sizes: list[int], largest: int = 1000) -> list[Frame]:
    reader, frames = FrameReader(largest), list[Frame]()
    for size in [*sizes, len(stream)]:
        frames += reader.feed(stream[:size])
        stream = stream[size:]
    return frames


CONTENT = st.binary(max_size=60).map(lambda part: part.replace(b"\x0b", b"").replace(b"\x1c", b""))


@given(st.lists(CONTENT, max_size=5), st.lists(st.integers(1, 40), max_size=12), st.binary(max_size=5))
def test_frames_are_found_however_the_stream_is_cut(parts: list[bytes], sizes: list[int], noise: bytes) -> None:
    noise = noise.replace(b"\x0b", b"")
    stream = noise + b"".join(framed(part) for part in parts)
    assert cut(stream, sizes) == [Frame(part) for part in parts]


def test_a_message_that_is_too_long_is_let_pass_with_its_head_kept() -> None:
    reader, frames = FrameReader(10_000), list[Frame]()
    stream = framed(b"MSH|" + b"x" * 5_000_000) + framed(b"after")
    for at in range(0, len(stream), 65_536):
        frames += reader.feed(stream[at : at + 65_536])
        assert len(reader._kept) < 80_000
    assert [(len(one.content), one.is_too_long) for one in frames] == [(2000, True), (5, False)]


def test_a_message_that_breaks_off_is_forgotten_and_the_next_one_is_whole() -> None:
    reader = FrameReader(100)
    assert list(reader.feed(b"\x0bMSH|half" + framed(b"whole"))) == [Frame(b"whole")]
    assert not reader.is_inside
    assert list(reader.feed(b"\x0bMSH|half")) == []
    assert reader.is_inside


def test_a_file_holds_messages_one_after_the_other_or_framed() -> None:
    one, two = raw("A01", at="20260115080000"), raw("A03", at="20260115090000", charset="GB 18030-2000")
    assert messages_in(one + two) == [one, two]
    assert messages_in(framed(one) + framed(two)) == [one, two]
    assert messages_in(one.replace(b"\r", b"\n") + b"\n\n" + two) == [one.replace(b"\r", b"\n") + b"\n\n", two]
    assert messages_in(b"\xef\xbb\xbf" + one) == [one]
    assert messages_in(b"") == messages_in(b"\r\n\x1a") == []
    assert messages_in(b"nothing\r" + one) == [b"nothing\r", one]
