"""Words about what was just done, shown on the next page."""

from __future__ import annotations

from typing import Any, Literal

from flask import flash, get_flashed_messages


def say(
    kind: Literal["ok", "wait", "stop", "info"],
    text: str,
    *,
    href: str | None = None,
    link_label: str | None = None,
) -> None:
    """Show ``text`` on the page that comes next, with a link if given. Never put secrets here."""
    flash({"kind": kind, "text": text, "href": href, "link_label": link_label})  # type: ignore[arg-type]


def said() -> list[dict[str, Any]]:
    """What waits to be shown."""
    return [dict(message) for message in get_flashed_messages()]  # type: ignore[arg-type]
