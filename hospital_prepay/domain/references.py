"""Payment references as they are compared and kept, whether they were typed by hand or scanned."""

from __future__ import annotations

import unicodedata


def payment_reference(text: str) -> str:
    """Letters and digits alone, narrow and in capitals: one payment has one reference however it was typed."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isalnum())
