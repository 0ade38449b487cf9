"""The contenders of the posting benchmark: the limit, ours, a plain ORM ledger, and peers where they can be had."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import orm

from hospital_prepay.clock import Clock
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on, open_account, open_chart

HOSPITAL = "H52010000001"
ACCOUNTS = 1000
_FEN = Money(1)


class Raw:
    """The limit: one prepared single-row insert, no guard, no second leg."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)

    @staticmethod
    def prepare(url: str) -> None:
        """Make the table."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE raw (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
                " d bigint NOT NULL, c bigint NOT NULL, amount bigint NOT NULL)"
            )

    def post(self, debit: int, credit: int) -> None:
        """One row."""
        self.connection.execute("INSERT INTO raw (d, c, amount) VALUES (%s, %s, 1)", (debit, credit), prepare=True)

    def post_many(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Pipelined single-row inserts in one transaction."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.executemany("INSERT INTO raw (d, c, amount) VALUES (%s, %s, 1)", pairs)


class Ours:
    """The ledger as services call it: entry built and balanced in Python, content hash, idempotency key, guard.

    The debited account is guarded; the credited one is a plain account, as cash or income is. With ``both`` two
    guarded accounts are locked and moved.
    """

    def __init__(self, url: str, both: bool = False) -> None:
        self.connection = Database(url, pool_size=1).engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.connection.connection.driver_connection.prepare_threshold = 0  # type: ignore[union-attr]
        self.ledger = ledger_on(self.connection)
        self.both = both
        run = secrets.token_hex(6)
        self.names = (f"{run}-{number}" for number in itertools.count())
        self.now = datetime.now(UTC)

    @staticmethod
    def prepare(url: str) -> None:
        """A chart and two thousand sub-accounts; the guarded ones start with plenty."""
        database = Database(url, pool_size=1)
        now = Clock().now()
        with database.writing() as connection:
            open_chart(connection, HOSPITAL, now)
            for number in range(1, ACCOUNTS + 1):
                open_account(connection, HOSPITAL, f"2302:{number:04}", name=str(number), opened_at=now, guarded=True)
                open_account(connection, HOSPITAL, f"410101:{number:04}", name=str(number), opened_at=now)
        plenty = Money(10**12)
        with database.writing() as connection:
            ledger_on(connection).post_many(
                [
                    make_entry(
                        f"open-{number}", now, (Posting("1002", plenty), Posting(f"2302:{number:04}", credit=plenty))
                    )
                    for number in range(1, ACCOUNTS + 1)
                ]
            )
        database.close()

    def _one(self, debit: int, credit: int) -> JournalEntry:
        other = f"2302:{credit:04}" if self.both else f"410101:{credit:04}"
        lines = (Posting(f"2302:{debit:04}", debit=_FEN), Posting(other, credit=_FEN))
        return make_entry(next(self.names), self.now, lines)

    def post(self, debit: int, credit: int) -> None:
        """One call of the function."""
        self.ledger.post(self._one(debit, credit))

    def post_many(self, pairs: Sequence[tuple[int, int]]) -> None:
        """One call for all."""
        numbers = self.ledger.post_many([self._one(debit, credit) for debit, credit in pairs])
        assert None not in numbers


def make_entry(key: str, now: datetime, lines: tuple[Posting, ...]) -> JournalEntry:
    """An entry as the desk makes it."""
    return JournalEntry(
        institution_id=HOSPITAL,
        idempotency_key=key,
        kind="bench",
        summary="收取住院预交金",
        source=f"receipt:{key}",
        occurred_at=now,
        posted_at=now,
        effective_on=date(2026, 1, 15),
        posted_by="bench",
        postings=lines,
    )


class PlainOrm:
    """The plain way: SQLAlchemy ORM, rows locked and read, balance checked in Python, header and two legs added."""

    class Base(orm.DeclarativeBase):
        """Tables of the plain ledger."""

    class Account(Base):
        """An account with its balance."""

        __tablename__ = "plain_account"
        id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
        balance: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)

    class Leg(Base):
        """A leg of an entry."""

        __tablename__ = "plain_leg"
        entry_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("plain_entry.id"), primary_key=True)
        line: orm.Mapped[int] = orm.mapped_column(sa.SmallInteger, primary_key=True)
        account_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("plain_account.id"))
        amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)

    class Entry(Base):
        """An entry with its legs."""

        __tablename__ = "plain_entry"
        id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
        memo: orm.Mapped[str]
        legs: orm.Mapped[list[Any]] = orm.relationship("Leg")

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, pool_size=1)

    @classmethod
    def prepare(cls, url: str) -> None:
        """Make the tables and accounts."""
        engine = sa.create_engine(url)
        cls.Base.metadata.create_all(engine)
        with orm.Session(engine) as session:
            session.add_all(cls.Account(id=number, balance=10**12) for number in range(1, ACCOUNTS + 1))
            session.commit()
        engine.dispose()

    def _one(self, session: orm.Session, debit: int, credit: int) -> None:
        wanted = (
            sa.select(self.Account)
            .where(self.Account.id.in_([debit, credit]))
            .order_by(self.Account.id)
            .with_for_update()
        )
        accounts = {account.id: account for account in session.scalars(wanted)}
        if accounts[debit].balance < 1:
            raise ValueError("overdraft")
        accounts[debit].balance -= 1
        accounts[credit].balance += 1
        legs = [self.Leg(line=1, account_id=debit, amount=-1), self.Leg(line=2, account_id=credit, amount=1)]
        session.add(self.Entry(memo="x", legs=legs))

    def post(self, debit: int, credit: int) -> None:
        """One session, one commit."""
        with orm.Session(self.engine) as session:
            self._one(session, debit, credit)
            session.commit()

    def post_many(self, pairs: Sequence[tuple[int, int]]) -> None:
        """One session for all."""
        with orm.Session(self.engine) as session:
            for debit, credit in sorted(pairs):
                self._one(session, debit, credit)
            session.commit()


class PgLedger:
    """pgledger, through its own functions. Its SQL isn't in a package registry: ``--pgledger FILE`` names a copy."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        found = self.connection.execute("SELECT n, id FROM bench_map").fetchall()
        self.accounts = {int(number): str(account) for number, account in found}

    @staticmethod
    def prepare(url: str, sql: str) -> None:
        """Load it and open accounts that may not fall below zero, with plenty in each."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql)  # type: ignore[arg-type]
            connection.execute("CREATE TABLE bench_map (n int PRIMARY KEY, id text NOT NULL)")
            connection.execute(
                "INSERT INTO bench_map SELECT n, (pgledger_create_account('a' || n, 'CNY', n = 0)).id"
                f" FROM generate_series(0, {ACCOUNTS}) n"
            )
            connection.execute(
                "SELECT pgledger_create_transfer((SELECT id FROM bench_map WHERE n = 0), m.id, 1000000000000)"
                " FROM bench_map m WHERE m.n > 0"
            )

    def post(self, debit: int, credit: int) -> None:
        """One transfer."""
        self.connection.execute(
            "SELECT id FROM pgledger_create_transfer(%s, %s, 1)",
            (self.accounts[debit], self.accounts[credit]),
            prepare=True,
        ).fetchone()

    def post_many(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Its own call for several transfers."""
        self.connection.execute(
            "SELECT count(*) FROM pgledger_create_transfers(ARRAY(SELECT ROW(f, t, 1)::transfer_request"
            " FROM unnest(%s::text[], %s::text[]) u(f, t)))",
            ([self.accounts[debit] for debit, _ in pairs], [self.accounts[credit] for _, credit in pairs]),
        )


class Hordak:
    """django-hordak (``pip install django-hordak``) with a guard: the paying row locked, its balance asked for."""

    def __init__(self, url: str) -> None:
        _django(url)
        from django.db import transaction
        from hordak.models import Account
        from moneyed import Money as DjangoMoney

        self.atomic = transaction.atomic
        self.accounts = Account.objects
        self.money = partial(DjangoMoney, currency="CNY")
        self.ids = list(Account.objects.order_by("id").values_list("id", flat=True))

    @staticmethod
    def prepare(url: str) -> None:
        """Migrate and open the accounts."""
        _django(url)
        from django.core.management import call_command
        from django.db import connection, transaction
        from hordak.models import Account, AccountType

        call_command("migrate", verbosity=0)
        with transaction.atomic():
            for number in range(ACCOUNTS):
                Account.objects.create(
                    name=f"a{number}", code=str(number), type=AccountType.liability, currencies=["CNY"]
                )
        connection.close()

    def _one(self, debit: int, credit: int) -> None:
        payer = self.accounts.select_for_update().get(pk=self.ids[debit - 1])
        balance = payer.simple_balance() if hasattr(payer, "simple_balance") else payer.get_balance()
        if balance is None:
            raise ValueError("no balance")
        payer.transfer_to(self.accounts.get(pk=self.ids[credit - 1]), self.money(Decimal(1)))

    def post(self, debit: int, credit: int) -> None:
        """One atomic transfer."""
        with self.atomic():
            self._one(debit, credit)

    def post_many(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Transfers in one transaction."""
        with self.atomic():
            for debit, credit in sorted(pairs):
                self._one(debit, credit)


def _django(url: str) -> None:
    import django
    from django.conf import settings

    if settings.configured:
        return
    parts = sa.make_url(url)
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.database,
                "USER": parts.username,
                "HOST": parts.host,
                "PORT": str(parts.port),
                "CONN_MAX_AGE": None,
            }
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        USE_TZ=True,
        SECRET_KEY="bench",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DEFAULT_CURRENCY="CNY",
        CURRENCIES=["CNY"],
        HORDAK_DEFAULT_CURRENCY="CNY",
        HORDAK_CURRENCIES=["CNY"],
    )
    django.setup()
