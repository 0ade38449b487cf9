"""How every worker of every server notices that the pages for patients changed.

A small file per institution is replaced as a whole; whoever holds pages in memory looks at it before each answer.
"""

from __future__ import annotations

from pathlib import Path

from hospital_prepay.settings import private_folder


def marker(data_dir: Path, institution_id: str) -> Path:
    """The file whose replacement says that an institution's public pages changed."""
    return data_dir / "public" / f"{institution_id}.version"


def announce(data_dir: Path, institution_id: str, what: str) -> None:
    """Tell every worker; call it after the commit. ``what`` is only for people who look into the file."""
    path = marker(data_dir, institution_id)
    private_folder(path.parent)
    fresh = path.with_suffix(".next")
    fresh.write_text(what, "utf-8")
    fresh.replace(path)
