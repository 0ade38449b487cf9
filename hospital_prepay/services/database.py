"""Bringing the database to the version of the program, with its owner's rights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hospital_prepay.clock import Clock
from hospital_prepay.persistence import migrate
from hospital_prepay.persistence.database import Database
from hospital_prepay.settings import SettingMissing, Settings, private_folder

_BACKUPS: Final = "backups"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The steps taken, none when the database was current, and where the copy from before them lies."""

    steps: tuple[str, ...]
    backup: Path | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The revision the database stands at, ``None`` for an empty one, and the one the program needs."""

    found: str | None
    needed: str

    @property
    def is_current(self) -> bool:
        """Whether they agree."""
        return self.found == self.needed


def make_data_dir(settings: Settings) -> None:
    """Make the data folder. Raises :class:`SettingMissing` when nothing can be kept there."""
    try:
        usable = private_folder(settings.data_dir).is_dir()
    except OSError:
        usable = False
    if not usable:
        raise SettingMissing(
            f"数据目录 {settings.data_dir} 用不了：它是个文件，或没有权限建它。请检查 PREPAY_DATA_DIR；数据没有动。"
        )


def upgrade_database(settings: Settings, clock: Clock) -> Upgrade:
    """Run what is missing as the tables' owner, backed up first, and give the application's role its least rights.

    Raises :class:`~hospital_prepay.domain.errors.DatabaseFault`.
    """
    make_data_dir(settings)
    backups = settings.data_dir / _BACKUPS
    before = set(backups.glob("*"))
    owner = Database(settings.owner_url, pool_size=1)
    try:
        role = Database(settings.database_url).url.username if owner.is_postgresql else None
        steps = migrate.upgrade(owner, app_role=role, backup_folder=backups, moment=clock.now())
    finally:
        owner.close()
    made = sorted(set(backups.glob("*")) - before)
    return Upgrade(tuple(steps), made[-1] if made else None)


def require_current(settings: Settings) -> None:
    """Refuse a database that is newer or older than the program, in a sentence (:class:`DatabaseFault`)."""
    make_data_dir(settings)
    database = Database(settings.database_url, pool_size=1)
    try:
        migrate.check_current(database)
    finally:
        database.close()


def database_standing(settings: Settings) -> Standing:
    """Where the database stands."""
    make_data_dir(settings)  # SQLite makes the file, not its folder
    database = Database(settings.database_url, pool_size=1)
    try:
        with database.reading() as connection:
            return Standing(migrate.current(connection), migrate.head())
    finally:
        database.close()
