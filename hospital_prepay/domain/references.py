"""Payment references and names of places as they are compared and kept, however they were typed."""

from __future__ import annotations

import re
import unicodedata


def payment_reference(text: str) -> str:
    """Letters and digits alone, narrow and in capitals: one payment has one reference however it was typed."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isalnum())


def region_name(text: str) -> str:
    """A pool region's name narrow and without blanks: ``临溪市`` and ``临溪 市`` are one place. Its letters keep
    their case; whoever compares folds it."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if sign.isprintable() and not sign.isspace())


def document_key(text: str) -> str:
    """A document's name without what spelling adds: ``2026年01月结算单`` and ``２０２６ 年 1 月结算单`` are one
    paper. Empty where it has neither letter nor digit."""
    narrow = unicodedata.normalize("NFKC", text).upper()
    return "|".join(part.lstrip("0") or "0" for part in re.findall(r"\d+|[^\W\d_]+", narrow))
