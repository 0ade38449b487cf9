"""What every service is handed: the database, the clock, the settings and the keys."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hospital_prepay.clock import Clock
from hospital_prepay.crypto import FieldCipher, KeyedHash
from hospital_prepay.domain.access import Actor
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.unit_of_work import Act, UnitOfWork
from hospital_prepay.rulebook import load_rulebook
from hospital_prepay.services.keys import field_cipher, keyed_hash
from hospital_prepay.settings import Settings


@dataclass(frozen=True)
class Context:
    """Made once by ``app.py``, by the CLI or by a job, and passed to services as their first argument."""

    settings: Settings
    database: Database
    clock: Clock

    @classmethod
    def of(cls, settings: Settings, clock: Clock | None = None) -> Context:
        """The context that the settings describe."""
        return cls(settings, Database(settings.database_url), clock or Clock())

    def work(self, actor: Actor, action: str, subject: str = "", *, in_bulk: bool = False) -> UnitOfWork:
        """A unit of work for one act of ``actor``; ``in_bulk`` for one that writes rows by the thousand."""
        return UnitOfWork(self.database, self.clock, Act(action, actor, subject), self.rule_version, in_bulk=in_bulk)

    @property
    def rule_version(self) -> str:
        """The version of the rulebook that decisions are made under."""
        return load_rulebook().version

    @cached_property
    def cipher(self) -> FieldCipher:
        """Encrypts certificate numbers, phones and second-factor secrets at rest."""
        return field_cipher(self.settings)

    @cached_property
    def keyed_hash(self) -> KeyedHash:
        """Finds an encrypted value again."""
        return keyed_hash(self.settings)
