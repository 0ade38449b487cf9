"""Files that a form brings along."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import request

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.plain_text import spelled_out


@contextmanager
def uploaded(field: str) -> Iterator[tuple[Path, str]]:
    """The uploaded file on disk and what it is called. Raises :class:`MalformedInput` when none was chosen."""
    upload = request.files.get(field)
    if upload is None or not upload.filename:
        raise MalformedInput("请选一个 CSV 或 XLSX 文件。", code="missing_value", details={"field": field})
    with tempfile.TemporaryDirectory(prefix="prepay-upload-") as folder:
        path = Path(folder) / "upload"
        upload.save(path)
        yield path, spelled_out(upload.filename)[:120]
