"""Help in Chinese: the library's own words are put into Chinese here, those of wrong calls in ``errors.py``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import click

from hospital_prepay.cli.output import width_of

_HEADINGS: Final = {"Options": "选项", "Commands": "命令", "Positional arguments": "参数"}
_USAGE: Final = ((r"\[OPTIONS\]", "[选项]"), (r"COMMAND \[ARGS\]\.\.\.", "命令 [参数]…"))
_REMARKS: Final = (
    (r"^Show this message and exit\.$", "显示用法后退出。"),
    (r"\[default: ", "[默认 "),
    (r"required\]$", "必填]"),
    (r"x>=", "不小于 "),
    (r"; ", "；"),
)
_VALUES: Final = ((r"\bINTEGER RANGE\b|\bINTEGER\b", "整数"), (r"\bTEXT\b", "文字"), (r"\bDIRECTORY\b", "目录"))


# No line begins with these: they hang at the end of the line before.
_CLOSING: Final = frozenset("，。；：、！？）”》…")


class _Formatter(click.HelpFormatter):
    """Lays help out as the library does, under Chinese headings."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, _put(_USAGE, args), "用法：")

    def write_heading(self, heading: str) -> None:
        words = _HEADINGS.get(heading, heading)
        self.write(f"{' ' * self.current_indent}{words.rstrip('？。')}：\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        pairs = [(_put(_VALUES, name), _put(_REMARKS, words)) for name, words in rows]
        first = min(max(width_of(name) for name, _ in pairs), col_max) + col_spacing
        indent = " " * self.current_indent
        for name, words in pairs:
            gap = first - width_of(name)
            lines = _wrapped(words, max(self.width - first - self.current_indent, col_max))
            begin = " " * gap if gap >= col_spacing else f"\n{indent}{' ' * first}"
            self.write(f"{indent}{name}{begin}" + f"\n{indent}{' ' * first}".join(lines) + "\n")


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of ``text``: Chinese breaks between any two characters, the rest between words."""
    lines = [""]
    for piece in re.findall(r"[!-~]+|.", text):
        if width_of(lines[-1] + piece) > width and piece not in _CLOSING:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]


def _put(pairs: Sequence[tuple[str, str]], text: str) -> str:
    for pattern, words in pairs:
        text = re.sub(pattern, words, text)
    return text


class _Context(click.Context):
    formatter_class = _Formatter


def in_chinese(command: click.Command) -> None:
    """Let ``command``, and every command below it, tell its help in Chinese."""
    command.context_class = _Context
    if isinstance(command, click.Group):
        for one in command.commands.values():
            in_chinese(one)
