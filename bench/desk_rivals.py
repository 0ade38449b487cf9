"""What the desk request is put beside: the least that could do it, and the plain way of doing all of it.

* ``create_bare``: one SQL function that locks the stay, holds the cap and writes a receipt row; nobody is asked who
  they are, nothing is decided in words, no books are kept. No real desk can be faster than this.
* ``create_orm``: the same work as ours (bearer token, stored decision, balanced legs, receipt number, audit event,
  idempotency key), written with the SQLAlchemy ORM as most applications would.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from flask import Flask, jsonify, request
from sqlalchemy import orm

STAYS = 1000
CAP_FEN = 10**12
_TAKE = """
CREATE TABLE bare_stay (stay_no text PRIMARY KEY, cap bigint NOT NULL, paid bigint NOT NULL);
CREATE TABLE bare_receipt (id bigserial PRIMARY KEY, stay_no text NOT NULL, amount bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now());
CREATE FUNCTION bare_take(s text, a bigint, OUT rid bigint, OUT now_paid bigint, OUT the_cap bigint)
LANGUAGE plpgsql AS $$ BEGIN
  UPDATE bare_stay t SET paid = t.paid + a WHERE t.stay_no = s AND t.paid + a <= t.cap
    RETURNING t.paid, t.cap INTO now_paid, the_cap;
  IF FOUND THEN INSERT INTO bare_receipt (stay_no, amount) VALUES (s, a) RETURNING id INTO rid; END IF;
END $$;
"""


def stay_no(number: int) -> str:
    """Stays are numbered alike in every contender."""
    return f"26{number:08d}"


class Base(orm.DeclarativeBase):
    """Tables of the ORM rival."""


class Client(Base):
    __tablename__ = "orm_client"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    token_hash: orm.Mapped[str] = orm.mapped_column(sa.String(64), unique=True)
    is_active: orm.Mapped[bool]


class Stay(Base):
    __tablename__ = "orm_stay"
    stay_no: orm.Mapped[str] = orm.mapped_column(sa.String(40), primary_key=True)
    cap: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    paid: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)


class DecisionRow(Base):
    __tablename__ = "orm_decision"
    id: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    outcome: orm.Mapped[str]
    facts: orm.Mapped[str]
    reasons: orm.Mapped[str]
    at: orm.Mapped[datetime] = orm.mapped_column(sa.DateTime(timezone=True))


class Entry(Base):
    __tablename__ = "orm_entry"
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    source: orm.Mapped[str]
    at: orm.Mapped[datetime] = orm.mapped_column(sa.DateTime(timezone=True))
    content_hash: orm.Mapped[bytes]
    legs: orm.Mapped[list[Leg]] = orm.relationship(back_populates="entry")


class Leg(Base):
    __tablename__ = "orm_leg"
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    entry_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("orm_entry.id"), index=True)
    account: orm.Mapped[str]
    debit: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    credit: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    entry: orm.Mapped[Entry] = orm.relationship(back_populates="legs")


class Book(Base):
    __tablename__ = "orm_book"
    holder: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    last: orm.Mapped[int]


class Receipt(Base):
    __tablename__ = "orm_receipt"
    holder: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    serial: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    stay_no: orm.Mapped[str] = orm.mapped_column(sa.ForeignKey("orm_stay.stay_no"), index=True)
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    entry_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("orm_entry.id"))
    decision_id: orm.Mapped[str] = orm.mapped_column(sa.ForeignKey("orm_decision.id"))
    token: orm.Mapped[str] = orm.mapped_column(unique=True)


class Audit(Base):
    __tablename__ = "orm_audit"
    id: orm.Mapped[str] = orm.mapped_column(sa.String(36), primary_key=True)
    client_id: orm.Mapped[int]
    action: orm.Mapped[str]
    detail: orm.Mapped[str]
    at: orm.Mapped[datetime] = orm.mapped_column(sa.DateTime(timezone=True), index=True)


class Key(Base):
    __tablename__ = "orm_key"
    key: orm.Mapped[str] = orm.mapped_column(sa.String(120), primary_key=True)
    payload_hash: orm.Mapped[str]
    answer: orm.Mapped[str]


def set_up(url: str, tokens: list[str]) -> None:
    """Make and fill both rivals' tables in an empty database."""
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(_TAKE)
        stays = [{"stay_no": stay_no(n), "cap": CAP_FEN, "paid": 0} for n in range(1, STAYS + 1)]
        connection.execute(sa.insert(Stay), stays)
        connection.execute(sa.text("INSERT INTO bare_stay VALUES (:stay_no, :cap, :paid)"), stays)
        clients = [
            {"id": n, "token_hash": hashlib.sha256(token.encode()).hexdigest(), "is_active": True}
            for n, token in enumerate(tokens, 1)
        ]
        connection.execute(sa.insert(Client), clients)
        connection.execute(sa.insert(Book), [{"holder": client["id"], "last": 0} for client in clients])
    engine.dispose()


def create_bare() -> Flask:
    """One function call a request."""
    app = Flask("bare")
    url = os.environ["PREPAY_DATABASE_URL"].replace("+psycopg", "")
    idle: list[psycopg.Connection[Any]] = []

    @app.get("/readyz")
    def ready() -> Any:
        return jsonify(status="ready")

    @app.post("/api/v1/stays/<stay>/deposits")
    def take(stay: str) -> Any:
        connection = idle.pop() if idle else psycopg.connect(url, autocommit=True)
        amount = request.get_json()["amount_fen"]
        row = connection.execute("SELECT * FROM bare_take(%s, %s)", (stay, amount), prepare=True).fetchone()
        idle.append(connection)
        assert row is not None
        if row[0] is None:
            return jsonify(code="over_cap"), 422
        return jsonify(receipt_no=row[0], collected_fen=row[1], room_fen=row[2] - row[1]), 201

    return app


def create_orm() -> Flask:
    """All of the work, the plain way."""
    app = Flask("orm")
    engine = sa.create_engine(os.environ["PREPAY_DATABASE_URL"], pool_size=8, max_overflow=8)

    @app.get("/readyz")
    def ready() -> Any:
        return jsonify(status="ready")

    @app.post("/api/v1/stays/<stay_no>/deposits")
    def take(stay_no: str) -> Any:
        body, key = request.get_json(), request.headers["Idempotency-Key"]
        token = request.headers["Authorization"].removeprefix("Bearer ")
        with orm.Session(engine) as session, session.begin():
            digest = hashlib.sha256(token.encode()).hexdigest()
            client = session.scalar(sa.select(Client).where(Client.token_hash == digest))
            if client is None or not client.is_active:
                return jsonify(code="not_authenticated"), 401
            return _collect(session, client, stay_no, f"{client.id}:{key}", body)

    return app


def _collect(session: orm.Session, client: Client, stay_no: str, key: str, body: dict[str, Any]) -> Any:
    amount, now = int(body["amount_fen"]), datetime.now(UTC)
    stay = session.get_one(Stay, stay_no, with_for_update=True)
    payload = hashlib.sha256(json.dumps([stay_no, body], sort_keys=True).encode()).hexdigest()
    known = session.get(Key, key)
    if known is not None:
        return (json.loads(known.answer), 201) if known.payload_hash == payload else (jsonify(code="reused_key"), 409)
    permitted = stay.paid + amount <= stay.cap
    facts = {"amount": amount, "cap": stay.cap, "paid": stay.paid}
    decision = DecisionRow(
        id=str(uuid.uuid4()),
        outcome="permitted" if permitted else "refused",
        facts=json.dumps(facts),
        reasons=json.dumps([{"code": "within_cap", "clause": "17"}]),
        at=now,
    )
    session.add(decision)
    if not permitted:
        return jsonify(code="over_cap"), 422
    stay.paid += amount
    entry = Entry(source=stay_no, at=now, content_hash=hashlib.sha256(json.dumps(facts).encode()).digest())
    entry.legs = [
        Leg(account="1001", debit=amount, credit=0),
        Leg(account=f"23050103:{stay_no}", debit=0, credit=amount),
    ]
    session.add(entry)
    session.flush()
    book = session.get_one(Book, client.id, with_for_update=True)
    book.last += 1
    session.add(
        Receipt(
            holder=client.id,
            serial=book.last,
            stay_no=stay_no,
            amount=amount,
            entry_id=entry.id,
            decision_id=decision.id,
            token=secrets.token_urlsafe(16),
        )
    )
    detail = json.dumps({"amount": amount, "receipt": book.last})
    session.add(Audit(id=str(uuid.uuid4()), client_id=client.id, action="collect", detail=detail, at=now))
    answer = {
        "receipt_no": f"{client.id}-{book.last:06d}",
        "collected_fen": stay.paid,
        "room_fen": stay.cap - stay.paid,
        "decision": facts,
        "decision_id": decision.id,
    }
    session.add(Key(key=key, payload_hash=payload, answer=json.dumps(answer)))
    return jsonify(answer), 201
