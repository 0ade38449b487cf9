"""What somebody writes down of a refund: grounds, names and numbers of papers, every sign of them to be seen."""

from __future__ import annotations

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.plain_text import LONGEST_NAME, check_ground, check_text


def required_ground(text: str, missing: str, field: str = "ground") -> str:
    """``text`` without blanks around it. Raises :class:`MalformedInput` with the words ``missing`` for none, and for
    one with a sign that nobody sees or of more than 300 signs."""
    _require(text, missing, field)
    try:
        check_ground(text.strip())
    except MalformedInput as error:
        raise _of_field(error, error.message, field) from error
    return text.strip()


def required_number(text: str, missing: str, field: str, what: str, longest: int = LONGEST_NAME) -> str:
    """The same of a name or a paper's number, which is one line; ``what`` begins the words."""
    _require(text, missing, field)
    return plain_number(text, field, what, longest)


def plain_number(text: str, field: str, what: str, longest: int = LONGEST_NAME) -> str:
    """The same of one that may be empty."""
    try:
        check_text(text.strip(), longest)
    except MalformedInput as error:
        raise _of_field(error, f"{what}{error.message}", field) from error
    return text.strip()


def _require(text: str, missing: str, field: str) -> None:
    if not text.strip():
        raise MalformedInput(missing, code="missing_value", details={"field": field})


def _of_field(error: MalformedInput, words: str, field: str) -> MalformedInput:
    return type(error)(words, details={"field": field})
