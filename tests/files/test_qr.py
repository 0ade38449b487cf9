from __future__ import annotations

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from hospital_prepay.files.qr import TextTooLong, qr_svg

SVG = "{http://www.w3.org/2000/svg}"
MODULE = 6


def decode(svg: str) -> str:
    """Paint the dark bars of the SVG and read the picture as a phone would."""
    root = ElementTree.fromstring(svg)
    size = int(root.attrib["viewBox"].split()[2])
    _, bars = root.findall(f"{SVG}path")
    picture = Image.new("L", (size * MODULE, size * MODULE), 255)
    pen = ImageDraw.Draw(picture)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", bars.attrib["d"]):
        left, top, right = int(x) * MODULE, int(y) * MODULE, (int(x) + int(length)) * MODULE
        pen.rectangle((left, top, right - 1, top + MODULE - 1), fill=0)
    [found] = zxingcpp.read_barcodes(picture)
    return str(found.text)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000/r/3q2-7wAAAAAAAAAAAAAAAA",
        "https://hospital.example/r/A?x=1&y=<2>",
        "票号 A03-000412",
        "x" * 1000,
    ],
)
def test_a_phone_reads_back_the_text(text: str) -> None:
    assert decode(qr_svg(text)) == text


def test_it_stands_in_a_page_under_a_strict_policy() -> None:
    svg = qr_svg("http://127.0.0.1:8000/r/x?a=1&b=2")
    assert not re.search(r"style|script|href|\son\w+=|url\(", svg.replace("crispEdges", ""))
    root = ElementTree.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "二维码"
    assert {part.tag for part in root.iter()} == {f"{SVG}svg", f"{SVG}path"}


def test_a_quiet_zone_of_four_modules_is_left() -> None:
    root = ElementTree.fromstring(qr_svg("x"))
    size = int(root.attrib["viewBox"].split()[2])
    bars = [
        tuple(map(int, bar)) for bar in re.findall(r"M(\d+) (\d+)h(\d+)", root.findall(f"{SVG}path")[1].attrib["d"])
    ]
    assert min(x for x, _, _ in bars) == min(y for _, y, _ in bars) == 4
    assert max(x + length for x, _, length in bars) == max(y + 1 for _, y, _ in bars) == size - 4


def test_no_image_library_is_loaded() -> None:
    program = (
        "import sys; sys.modules['PIL'] = None\n"
        "from hospital_prepay.files.qr import qr_svg\n"
        "sys.exit(0 if qr_svg('x').startswith('<svg') else 1)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(TextTooLong):
        qr_svg("x" * 3000)
    with pytest.raises(ValueError, match="text"):
        qr_svg("")
