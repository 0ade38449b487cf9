"""What tests of settlement share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tests.hospital import Hospital


@pytest.fixture
def broken(hospital: Hospital) -> Callable[[int, Callable[[], Any]], bool]:
    """Do an act whose n-th writing statement breaks; whether it came through for having fewer."""

    def act(number: int, do: Callable[[], Any]) -> bool:
        seen = 0

        def break_off(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            nonlocal seen
            if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE")):
                seen += 1
                if seen == number:
                    raise RuntimeError("the power failed")

        engine = hospital.context.database.engine
        sa.event.listen(engine, "before_cursor_execute", break_off)
        try:
            do()
        except RuntimeError:
            return False
        finally:
            sa.event.remove(engine, "before_cursor_execute", break_off)
        return True

    return act
