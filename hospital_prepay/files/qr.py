"""QR codes as inline SVG.

One path and presentation attributes, no image library, no ``style`` and no script: it stands in a page under a
strict content-security policy, prints sharply at any size and stays black on white in the dark theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from qrcode.constants import ERROR_CORRECT_M
from qrcode.exceptions import DataOverflowError
from qrcode.main import QRCode

from hospital_prepay.domain.errors import MalformedInput

# Light modules around the code, as the standard (ISO/IEC 18004) asks for.
_QUIET_ZONE: Final = 4


class TextTooLong(MalformedInput):
    """More text than one QR code holds."""

    code = "text_too_long"


def qr_svg(text: str) -> str:
    """``text`` as an ``<svg class="qr">`` whose size the page decides. Raises :class:`TextTooLong`.

    Medium error correction: a receipt with a crease can still be read.
    """
    if not text:
        raise ValueError("a QR code carries a text")
    code: Any = QRCode(error_correction=ERROR_CORRECT_M, border=_QUIET_ZONE)
    code.add_data(text.encode())
    try:
        code.make(fit=True)
    except (DataOverflowError, ValueError) as error:
        raise TextTooLong("二维码内容太长，请缩短后再生成。") from error
    matrix = code.get_matrix()
    size = len(matrix)
    return (
        f'<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" '
        f'aria-label="二维码" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path fill="#000" d="{"".join(_bars(matrix))}"/></svg>'
    )


def _bars(matrix: Sequence[Sequence[bool | None]]) -> Iterator[str]:
    """One rectangle for each run of dark modules in a row."""
    for y, row in enumerate(matrix):
        x = 0
        for dark, run in groupby(row, key=bool):
            length = len(list(run))
            if dark:
                yield f"M{x} {y}h{length}v1h-{length}z"
            x += length
