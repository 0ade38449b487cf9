"""An uploaded statement, held on the server's disk while a person says which column is what."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

from hospital_prepay.crypto import new_id
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.services.context import Context
from hospital_prepay.settings import private_file, private_folder

_KEPT_FOR: Final = timedelta(days=1)
_TOKEN: Final = re.compile(r"[0-9a-f-]{36}", re.ASCII)


def hold_file(context: Context, actor: Actor, content: IO[bytes]) -> str:
    """Put an upload aside and return its token; what was left lying for a day is thrown away."""
    folder = _folder(context, actor)
    private_folder(folder)
    oldest = (context.clock.now() - _KEPT_FOR).timestamp()
    for left in folder.iterdir():
        if left.stat().st_mtime < oldest:
            left.unlink(missing_ok=True)
    token = new_id(context.clock)
    with private_file(folder / token).open("wb") as target:
        shutil.copyfileobj(content, target)
    return token


def held_file(context: Context, actor: Actor, token: str) -> Path:
    """The file of a token. Raises :class:`MalformedInput` when it isn't there any more."""
    path = _folder(context, actor) / token
    if not _TOKEN.fullmatch(token) or not path.is_file():
        raise MalformedInput(
            "这个文件已经不在了，请重新选文件上传。", code="missing_value", details={"field": "file"}
        )
    return path


def drop_file(context: Context, actor: Actor, token: str) -> None:
    """Throw a held file away."""
    if _TOKEN.fullmatch(token):
        (_folder(context, actor) / token).unlink(missing_ok=True)


def _folder(context: Context, actor: Actor) -> Path:
    return context.settings.data_dir / "statements" / actor.institution_id
