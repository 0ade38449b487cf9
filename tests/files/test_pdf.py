"""PDF: the text can be read back, in our font, and data is never markup."""

from __future__ import annotations

import ctypes

import pypdfium2
import pypdfium2.raw as raw

from hospital_prepay.files.pdf import render_pdf

SOURCE = '#set text(font: "Noto Sans SC")\n#sys.inputs.name'


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_bounded() for page in document)


def fonts_of(pdf: bytes) -> set[str]:
    names = set()
    for page in pypdfium2.PdfDocument(pdf):
        for one in page.get_objects():
            if one.type == raw.FPDF_PAGEOBJ_TEXT:
                name = ctypes.create_string_buffer(200)
                raw.FPDFFont_GetBaseFontName(raw.FPDFTextObj_GetFont(one.raw), name, 200)
                names.add(name.value.decode())
    return names


def test_chinese_and_rare_signs_are_read_back() -> None:
    assert "临溪市 㐂 曌 12,345.60" in text_of(render_pdf(SOURCE, name="临溪市 㐂 曌 12,345.60"))


def test_only_the_font_that_comes_with_the_program_is_used() -> None:
    made = render_pdf(SOURCE, name="临溪")
    assert made.startswith(b"%PDF")
    assert b"pdfaid" in made
    assert {font.partition("+")[2] for font in fonts_of(made)} == {"NotoSansSC-Regular"}


def test_data_is_text_whatever_it_looks_like() -> None:
    assert '#read("/etc/passwd") *a* $x$' in text_of(render_pdf(SOURCE, name='#read("/etc/passwd") *a* $x$'))
