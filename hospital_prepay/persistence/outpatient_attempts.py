"""How often somebody tried: counters in the database, so that neither a restart nor another worker begins anew."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.models.outpatient_public import OutpatientAttempt


def count_attempt(
    connection: sa.Connection, institution_id: str, scope: str, key_hash: str, now: datetime, within: timedelta
) -> int:
    """Count one more attempt of ``key_hash``; how many there were since its time began, this one with them."""
    lock_name(connection, f"outpatient_attempt:{institution_id}:{scope}:{key_hash}")
    table = OutpatientAttempt
    own = (table.institution_id == institution_id, table.scope == scope, table.key_hash == key_hash)
    row = connection.execute(sa.select(table.began_at, table.attempts).where(*own)).first()
    if row is None:
        values = {"institution_id": institution_id, "scope": scope, "key_hash": key_hash}
        connection.execute(sa.insert(table).values(**values, began_at=now, attempts=1))
        return 1
    began_at, attempts = row
    began_at, attempts = (now, 1) if began_at + within <= now else (began_at, attempts + 1)
    connection.execute(sa.update(table).where(*own).values(began_at=began_at, attempts=attempts))
    return int(attempts)


def drop_attempts(connection: sa.Connection, institution_id: str, before: datetime) -> None:
    """Forget who tried so long ago."""
    table = OutpatientAttempt
    connection.execute(sa.delete(table).where(table.institution_id == institution_id, table.began_at < before))
