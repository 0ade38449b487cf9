"""The database of the books, for commands and jobs that run outside the web."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import check_current
from hospital_prepay.settings import Settings


@contextmanager
def opened_books(settings: Settings, *, direct: bool = False) -> Iterator[Database]:
    """The database that the settings name, refused when it is newer or older than the code.

    ``direct`` goes past a pooler, for work that waits for other transactions. Raises :class:`DatabaseFault`.
    """
    database = Database(settings.direct_url if direct else settings.database_url, pool_size=2)
    try:
        check_current(database)
        yield database
    finally:
        database.close()
