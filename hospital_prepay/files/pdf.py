"""Documents out, as PDF/A: a Typst source of ours, and data that never becomes markup."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pylopdf_fonts_zh_cn
import typst

# One folder holds the sans and the serif of all Chinese signs; no font of the machine is ever taken instead.
_FONTS: Final = Path(pylopdf_fonts_zh_cn.sans_path()).parent


def render_pdf(source: str, **inputs: str) -> bytes:
    """The document that ``source`` describes. It reads each of ``inputs`` as ``sys.inputs.NAME``, text or JSON."""
    return typst.compile(
        source.encode(),
        format="pdf",
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[_FONTS]),
        sys_inputs=inputs,
        pdf_standards="a-2b",
    )
