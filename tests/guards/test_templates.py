"""Promises about every template: Chinese titles, tables with a caption and headings with a scope."""

from __future__ import annotations

import re

import pytest

from hospital_prepay.settings import resource

FOLDER = resource("templates")
TEMPLATES = {path.relative_to(FOLDER).as_posix(): path.read_text("utf-8") for path in sorted(FOLDER.rglob("*.html"))}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def bare(text: str) -> str:
    """What is left to read: no comments, no tags of the template language."""
    text = re.sub(r"\{% block (content_class|back) %\}.*?\{% endblock %\}", "", text)
    return re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 50


@pytest.mark.parametrize("name", [name for name, text in TEMPLATES.items() if "<table" in text])
def test_every_table_has_a_caption(name: str) -> None:
    for table in re.findall(r"<table\b.*?</table>", TEMPLATES[name], re.DOTALL):
        assert re.match(r"<table\b[^>]*>\s*(\{%.*?%\}\s*)*<caption\b[^>]*>", table), table[:120]


@pytest.mark.parametrize("name", [name for name, text in TEMPLATES.items() if "<th" in text])
def test_every_heading_of_a_table_says_what_it_heads(name: str) -> None:
    for heading in re.findall(r"<th\b[^>]*>", TEMPLATES[name]):
        assert 'scope="' in heading, heading


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith(("pages/", "errors/", "print/"))])
def test_every_title_is_chinese(name: str) -> None:
    pattern = r"\{% block title %\}(.*?)\{% endblock %\}|<title>(.*?)</title>"
    found = re.search(pattern, TEMPLATES[name], re.DOTALL)
    assert found, "a page has a title"
    said = found.group(1) or found.group(2)
    # A title that is a name or a number alone gets its words from the context.
    assert CHINESE.search(said) or re.fullmatch(r"\{\{[^{}]+\}\}", said.strip()), said


@pytest.mark.parametrize("name", [name for name in TEMPLATES if not name.startswith("macros/")])
def test_no_template_speaks_english(name: str) -> None:
    text = re.sub(r"<(svg|script|style)\b.*?</\1>", "", bare(TEMPLATES[name]), flags=re.DOTALL)
    # A command or an address is to be typed as it is.
    text = re.sub(r'<span class="code[^"]*">.*?</span>', "", text, flags=re.DOTALL)
    read = re.sub(r"<[^>]*>", " ", text)
    found = [word for word in re.findall(r"(?<![/\w])[A-Za-z]{3,}", read) if word not in ALLOWED]
    assert found == []


ALLOWED = frozenset({"Ctrl", "Enter", "Esc", "CSV", "XLSX", "JSON", "Schema", "nbsp", "HIS", "API", "Tab", "PDF"})
