"""One act, one transaction: the books, the decision, the audit event and the answer stand or fall together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self, cast

import sqlalchemy as sa

from hospital_prepay.clock import Clock, local
from hospital_prepay.crypto import new_id
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import DatabaseFault, PrepayError, ReusedKey
from hospital_prepay.persistence.appending import AppendedRows
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import Ledger, ledger_on
from hospital_prepay.persistence.models.audit import AuditEvent, DecisionRecord, IdempotencyKey
from hospital_prepay.persistence.models.base import canonical_json
from hospital_prepay.persistence.query import Query

_LONGEST_SUBJECT: Final = 120
_KNOWN = Query(
    sa.select(IdempotencyKey.payload_hash, IdempotencyKey.answer).where(
        IdempotencyKey.institution_id == sa.bindparam("institution"), IdempotencyKey.key == sa.bindparam("key")
    )
)


@dataclass(frozen=True, slots=True)
class Act:
    """What is being done, by whom, to what: the head of every audit event of a unit of work."""

    action: str
    actor: Actor
    subject: str = ""


class UnitOfWork:
    """``with UnitOfWork(database, clock, Act(…)) as work:`` commits once at the end.

    Decisions, audit events, answers and what else is put into ``rows`` are written just before the commit. When the
    block raises a :class:`PrepayError`, everything in it is rolled back and the refused attempt is written to the
    audit trail in a transaction of its own, unless the database was lost. ``in_bulk`` is for rows by the thousand.
    """

    def __init__(
        self, database: Database, clock: Clock, act: Act, rule_version: str, *, in_bulk: bool = False
    ) -> None:
        self._database = database
        self._in_bulk = in_bulk
        self._clock = clock
        self.act = act
        self.rule_version = rule_version
        self.now: datetime = clock.now()
        self.today: date = local(self.now).date()
        self.institution_id = act.actor.institution_id

    def about(self, subject: str) -> None:
        """Say what the act is about once it was found: what somebody typed may be anything, a person's number too."""
        self.act = replace(self.act, subject=subject)

    def __enter__(self) -> Self:
        self._transaction = self._database.writing(in_bulk=self._in_bulk)
        self.connection: sa.Connection = self._transaction.__enter__()
        self.rows = AppendedRows()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._write_rows()
        except Exception as failed:
            self._end(failed)
            raise
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._transaction.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
        if isinstance(error, PrepayError) and not isinstance(error, DatabaseFault):
            with self._database.writing() as self.connection:
                self.rows = AppendedRows()
                self.audit(outcome="refused", detail={"code": error.reason, "message": error.message})
                self._write_rows()

    def _write_rows(self) -> None:
        try:
            self.rows.write(self.connection)
        except sa.exc.IntegrityError as error:
            if IdempotencyKey.__tablename__ in str(error.orig):
                raise ReusedKey("这个提交编号正被另一笔业务使用。请刷新页面后重试；本次没有入账。") from error
            raise

    @cached_property
    def ledger(self) -> Ledger:
        """The books inside this transaction."""
        return ledger_on(self.connection)

    def new_id(self) -> str:
        """A fresh identifier that sorts by time."""
        return new_id(self._clock)

    def known_answer(self, key: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer given before to this key, if any; :class:`ReusedKey` when the payload was another.

        Ask after locking what the act is about, so that two equal requests at once find each other.
        """
        row = _KNOWN.first(self.connection, institution=self.institution_id, key=key)
        if row is None:
            return None
        payload_hash, answer = row
        if payload_hash != self._payload_hash(payload):
            raise ReusedKey("这个提交编号已经用于另一笔内容不同的业务。请刷新页面后重新填写；本次没有入账。")
        return cast("dict[str, Any]", answer)

    def keep_answer(self, key: str, payload: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Store the answer, a refusal too, so that the same request gets it again."""
        self.rows.add(
            IdempotencyKey,
            {
                "institution_id": self.institution_id,
                "key": key,
                "action": self.act.action,
                "payload_hash": self._payload_hash(payload),
                "answer": answer,
                "answered_at": self.now,
            },
        )

    def keep_decision(self, decision: Decision, effective_on: date, readings: Mapping[str, str]) -> str:
        """Store a decision with its facts and the readings its rule rests on; returns its id."""
        decision_id = self.new_id()
        self.rows.add(
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
                "readings": dict(readings),
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
        action: str | None = None,
        subject: str | None = None,
        decision_id: str | None = None,
        entry_no: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append the audit event of this act, or of an ``action`` that it brings along: ``done``, ``refused`` or
        ``failed``."""
        self.rows.add(
            AuditEvent,
            {
                "institution_id": self.institution_id,
                "event_id": self.new_id(),
                "at": self.now,
                "actor": self.act.actor.actor_id,
                "actor_name": self.act.actor.name,
                "action": action or self.act.action,
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
