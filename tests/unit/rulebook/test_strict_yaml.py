from __future__ import annotations

import pytest

from hospital_prepay.domain.errors import RulebookFault
from hospital_prepay.rulebook.strict_yaml import read_text


def test_everything_is_text() -> None:
    assert read_text("a: 3.10\nb: no\nc: 2025-06-30\n3.10: [1, ~]", "f") == {
        "a": "3.10",
        "b": "no",
        "c": "2025-06-30",
        "3.10": ["1", "~"],
    }


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2",
        "x:\n  - {a: 1, a: 2}",
        "a: !!int 3",
        "a: !!python/object/apply:os.getcwd []",
        "? [a]\n: 1",
        "a: [1",
        "",
        "{}",
        "a: 1\n---\nb: 2",
    ],
    ids=[
        "repeated",
        "repeated deep",
        "tag",
        "python",
        "list as key",
        "broken",
        "empty",
        "empty map",
        "two documents",
    ],
)
def test_what_is_not_plain_text_once_stops_reading(text: str) -> None:
    with pytest.raises(RulebookFault):
        read_text(text, "f")


def test_the_message_names_file_and_line() -> None:
    with pytest.raises(RulebookFault, match=r"f\.yaml”第2行"):
        read_text("a: 1\na: 2", "f.yaml")
