"""Whether the database answers and is of the right version."""

from __future__ import annotations

import sqlalchemy as sa

from hospital_prepay.domain.errors import DatabaseUnreachable
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import current, require_head


def check_database(database: Database) -> None:
    """Raise ``DatabaseFault`` within seconds unless the database answers and stands where this code needs it."""
    try:
        with database.probing() as connection:
            found = current(connection)
    except sa.exc.SQLAlchemyError as error:
        raise DatabaseUnreachable("数据库连不上，请检查数据库服务和 PREPAY_DATABASE_URL。") from error
    require_head(found)
