"""Results on standard output: a table for people, JSON for programs; a progress bar while a person waits."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def format_option(command: F) -> F:
    """Add ``--format table|json`` to a command, as ``form``."""
    choice = click.Choice(["table", "json"])
    option: Callable[[F], F] = click.option(
        "--format", "form", type=choice, default="table", show_default=True, help="输出格式"
    )
    return option(command)


def print_json(answer: object) -> None:
    """Print ``answer`` as UTF-8 JSON, whatever the terminal's own encoding is."""
    text = json.dumps(answer, ensure_ascii=False, indent=2)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Print aligned columns; those numbered in ``right`` stand flush right. A Chinese character is two wide."""
    widths = [max(width_of(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = [_pad(cell, width, at in right) for at, (cell, width) in enumerate(zip(row, widths, strict=True))]
        click.echo("  ".join(cells).rstrip())


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error to be told ``(done, whole)``; ``None`` when nobody is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1000, label=label, file=sys.stderr) as bar:
        yield lambda done, whole: bar.update(done * 1000 // max(whole, 1) - bar.pos)


def width_of(text: str) -> int:
    """How many columns of a terminal ``text`` takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - width_of(text))
    return space + text if right else text + space
