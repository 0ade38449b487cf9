"""One act, one transaction: the books, the decision, the audit event and the answer stand or fall together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa

from hospital_prepay.clock import Clock, local
from hospital_prepay.crypto import new_id
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import PrepayError, ReusedKey
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import Ledger, ledger_on
from hospital_prepay.persistence.models.audit import AuditEvent, DecisionRecord, IdempotencyKey
from hospital_prepay.persistence.models.base import Base, canonical_json
from hospital_prepay.persistence.trips import Row, insert_together

_ANSWER: Final = sa.select(IdempotencyKey.payload_hash, IdempotencyKey.answer).where(
    IdempotencyKey.institution_id == sa.bindparam("institution"), IdempotencyKey.key == sa.bindparam("key")
)

_LONGEST_SUBJECT: Final = 120


@dataclass(frozen=True, slots=True)
class Act:
    """What is being done, by whom, to what: the head of every audit event of a unit of work."""

    action: str
    actor: Actor
    subject: str = ""


class UnitOfWork:
    """``with UnitOfWork(database, clock, Act(…)) as work:`` commits once at the end.

    When the block raises a :class:`PrepayError`, everything in it is rolled back and the refused attempt is
    written to the audit trail in a transaction of its own.
    """

    def __init__(self, database: Database, clock: Clock, act: Act, rule_version: str) -> None:
        self._database = database
        self._clock = clock
        self.act = act
        self.rule_version = rule_version
        self.now: datetime = clock.now()
        self.today: date = local(self.now).date()
        self.institution_id = act.actor.institution_id

    def __enter__(self) -> Self:
        self._transaction = self._database.writing()
        self._connection = self._transaction.__enter__()
        self._waiting: list[Row] = []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self._write_waiting(commit=True)
            except BaseException as late:
                self._end(late)
                raise
        self._transaction.__exit__(kind, error, trace)
        if isinstance(error, PrepayError):
            self._record(error)

    def _end(self, error: BaseException) -> None:
        self._transaction.__exit__(type(error), error, error.__traceback__)
        if isinstance(error, PrepayError):
            self._record(error)

    def _record(self, error: PrepayError) -> None:
        with self._database.writing() as self._connection:
            self._waiting = []
            self.audit(outcome="refused", detail={"code": error.reason, "message": error.message})
            self._write_waiting()

    @property
    def connection(self) -> sa.Connection:
        """The transaction's connection; whatever waits to be inserted goes first."""
        self._write_waiting()
        return self._connection

    def insert(self, model: type[Base], values: Mapping[str, Any]) -> None:
        """Insert a row before anything else asks the database, at the latest with the commit.

        Rows that wait for the same moment travel in one trip.
        """
        self._waiting.append((model, values))

    def _write_waiting(self, *, commit: bool = False) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            insert_together(self._connection, waiting, commit=commit)
        except sa.exc.IntegrityError as error:
            if IdempotencyKey.__tablename__ in str(error.orig):
                message = "这个提交编号正被另一笔业务使用。请刷新页面后重试；本次没有入账。"
                raise ReusedKey(message) from error
            raise

    @cached_property
    def ledger(self) -> Ledger:
        """The books inside this transaction."""
        return ledger_on(self._connection)  # nothing that waits is of concern to the books

    def new_id(self) -> str:
        """A fresh identifier that sorts by time."""
        return new_id(self._clock)

    def known_answer(self, key: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer given before to this key, if any; :class:`ReusedKey` when the payload was another.

        Ask after locking what the act is about, so that two equal requests at once find each other.
        """
        row = self.connection.execute(_ANSWER, {"institution": self.institution_id, "key": key}).one_or_none()
        if row is None:
            return None
        if row.payload_hash != self._payload_hash(payload):
            raise ReusedKey("这个提交编号已经用于另一笔内容不同的业务。请刷新页面后重新填写；本次没有入账。")
        answer: dict[str, Any] = row.answer
        return answer

    def keep_answer(self, key: str, payload: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Store the answer, a refusal too, so that the same request gets it again."""
        self.insert(
            IdempotencyKey,
            {
                "institution_id": self.institution_id,
                "key": key,
                "action": self.act.action,
                "payload_hash": self._payload_hash(payload),
                "answer": dict(answer),
                "answered_at": self.now,
            },
        )

    def keep_decision(self, decision: Decision, effective_on: date) -> str:
        """Store a decision with its facts; returns its id."""
        decision_id = self.new_id()
        self.insert(
            DecisionRecord,
            {
                "institution_id": self.institution_id,
                "decision_id": decision_id,
                "rule": decision.rule,
                "rule_version": decision.rule_version,
                "outcome": decision.outcome.value,
                "amount_fen": None if decision.amount is None else decision.amount.fen,
                "reasons": [{"code": r.code, "clause": r.clause, "message": r.message} for r in decision.reasons],
                "facts": dict(decision.facts),
                "effective_on": effective_on,
                "decided_at": self.now,
                "actor": self.act.actor.actor_id,
            },
        )
        return decision_id

    def audit(
        self,
        *,
        outcome: str = "done",
        subject: str | None = None,
        decision_id: str | None = None,
        entry_no: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append the audit event of this act: ``done``, ``refused`` or ``failed``."""
        self.insert(
            AuditEvent,
            {
                "institution_id": self.institution_id,
                "event_id": self.new_id(),
                "at": self.now,
                "actor": self.act.actor.actor_id,
                "actor_name": self.act.actor.name,
                "action": self.act.action,
                "outcome": outcome,
                # Addresses can be of any length; an event that doesn't fit would be lost with its attempt.
                "subject": (self.act.subject if subject is None else subject)[:_LONGEST_SUBJECT],
                "decision_id": decision_id,
                "entry_no": entry_no,
                "address": self.act.actor.address,
                "detail": dict(detail or {}),
            },
        )

    def _payload_hash(self, payload: Mapping[str, Any]) -> bytes:
        text = canonical_json({"action": self.act.action, "actor": self.act.actor.actor_id, **payload})
        return hashlib.sha256(text.encode()).digest()
