"""Postings a second on PostgreSQL, durable, beside limit and peers: single, hot account, a thousand a commit."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import sqlalchemy as sa

from bench import contenders as c
from bench.harness import Contender, rounds, table
from hospital_prepay.clock import Clock
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade
from tests import servers

OURS, BOTH, RAW, PGLEDGER, HORDAK, ORM = (
    "ours",
    "ours, both accounts guarded",
    "raw insert",
    "pgledger",
    "django-hordak, guarded",
    "SQLAlchemy ORM",
)
Made = tuple[str, Callable[[], Contender]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of this section."""
    parser.add_argument("--clients", type=int, default=16, help="connections of the single postings")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--repeats", type=int, default=5, help="rounds a contender")
    parser.add_argument("--pgledger", type=Path, help="pgledger.sql, to have it in the comparison")


def single(options: argparse.Namespace) -> None:
    """One posting a commit, spread over accounts and on one hot account."""
    with _contenders(options, batch=False) as made:
        table(
            f"one guarded durable posting, {options.clients} clients",
            rounds(made, clients=options.clients, seconds=options.seconds, repeats=options.repeats),
            [(OURS, RAW, 0.5), (OURS, PGLEDGER, 2.5), (OURS, HORDAK, 20), (OURS, ORM, 1)],
        )
        table(
            f"the same on one hot account, {options.clients} clients",
            rounds(made, clients=options.clients, seconds=options.seconds, repeats=options.repeats, hot=True),
            [(OURS, PGLEDGER, 2)],
        )


def batch(options: argparse.Namespace) -> None:
    """A thousand postings a commit, from one connection and from four."""
    with _contenders(options, batch=True) as made:
        for clients in (1, 4):
            if clients > 1:
                made = [one for one in made if one[0] != ORM]  # it locks pair by pair: batches deadlock each other
            table(
                f"1,000 guarded postings a commit, {clients} client{'s' if clients > 1 else ''}",
                rounds(made, clients=clients, seconds=options.seconds, repeats=options.repeats, batch=1000),
                [(OURS, RAW, 0.35), (OURS, PGLEDGER, 4)],
            )


@contextmanager
def _contenders(options: argparse.Namespace, *, batch: bool) -> Iterator[list[Made]]:
    """Everybody in one server, each in a database of its own."""
    with servers.postgres_server(durable=True) as server:
        owner_url, app_url = servers.new_database(server)
        owner = Database(owner_url, pool_size=1)
        upgrade(owner, app_role=sa.make_url(app_url).username, backup_folder=Path(), moment=Clock().now())
        owner.close()
        c.Ours.prepare(app_url)
        raw_url, plain_url = _plain(server, "raw"), _plain(server, "orm")
        c.Raw.prepare(raw_url)
        made: list[Made] = [
            (RAW, partial(c.Raw, raw_url)),
            (OURS, partial(c.Ours, app_url)),
            (BOTH, partial(c.Ours, app_url, both=True)),
        ]
        if options.pgledger:
            url = _plain(server, "pgledger")
            c.PgLedger.prepare(url, options.pgledger.read_text("utf-8"))
            made.append((PGLEDGER, partial(c.PgLedger, url)))
        if not batch:
            if importlib.util.find_spec("hordak"):
                url = _plain(server, "hordak")
                c.Hordak.prepare(url)
                made.append((HORDAK, partial(c.Hordak, url)))
            else:
                print("django-hordak isn't installed; to have it in the comparison: pip install django-hordak")
        sqlalchemy_url = plain_url.replace("postgresql://", "postgresql+psycopg://")
        c.PlainOrm.prepare(sqlalchemy_url)
        made.append((ORM, partial(c.PlainOrm, sqlalchemy_url)))
        yield made


def _plain(server: str, name: str) -> str:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "bench_{name}"')  # type: ignore[arg-type]
    return server.rsplit("/", 1)[0] + f"/bench_{name}"
