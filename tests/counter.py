"""A counter in a house with people: books, one published cap table, and two stays."""

from __future__ import annotations

import html
import itertools
import re
from dataclasses import dataclass

import sqlalchemy as sa
from werkzeug.test import TestResponse

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.initials import initials
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.models.inpatient import Disease, SimilarDisease
from hospital_prepay.services.inpatient.stays import Placement, RegisterStay, register_stay
from tests.hospital import ADMITTED, CAPS, publish_caps
from tests.people import INSTITUTION, Browser, House

STAY = "2601140001"
UNPOSTED = "2601140002"
NAME = "吴桂兰"
CERTIFICATE = "11010519491231002X"
PHONE = "13800006620"
_keys = (f"form-key-{number:06}" for number in itertools.count())


@dataclass(frozen=True)
class Counter:
    """The house, ready to collect."""

    house: House

    @classmethod
    def opened(cls, house: House) -> Counter:
        """Open books, publish a table and register two stays."""
        with house.context.database.writing() as connection:
            publish_caps(connection, house.context.clock, CAPS, institution_id=INSTITUTION)
            connection.execute(
                sa.insert(SimilarDisease),
                [
                    {"institution_id": INSTITUTION, "disease_code": "A03.900", "similar_to": code}
                    for code in ("J15.900", "G00.900")
                ],
            )
            connection.execute(
                sa.insert(Disease),
                [
                    {
                        "institution_id": INSTITUTION,
                        "disease_code": code,
                        "name": name,
                        "initials": initials(name, surname=False),
                    }
                    for code, (name, _, _) in CAPS.items()
                ],
            )
        cashier = house.actor(Role.CASHIER)
        pneumonia = Placement("J15.900", "细菌性肺炎", "resident")
        dysentery = Placement("A03.900", "细菌性痢疾", "self_pay")
        for command in (
            RegisterStay(STAY, NAME, pneumonia, ADMITTED, "F", "呼吸内科", "12", CERTIFICATE, PHONE),
            RegisterStay(UNPOSTED, "石生", dysentery, ADMITTED, "M", "消化内科", "3"),
        ):
            register_stay(house.context, cashier, command)
        return cls(house)

    def count(self, table: str, where: str = "true") -> int:
        """Rows of a table."""
        with self.house.context.database.reading() as connection:
            return int(connection.scalar(sa.text(f"SELECT count(*) FROM {table} WHERE {where}")) or 0)

    def held(self, stay_no: str = STAY) -> Money:
        """What the stay's deposits hold."""
        query = sa.text("SELECT balance_fen FROM ledger_account WHERE account_id = :account")
        with self.house.context.database.reading() as connection:
            return Money(int(connection.execute(query, {"account": f"23050103:{stay_no}"}).scalar_one()))


def payment(amount: str, **changes: str) -> dict[str, str]:
    """The counter's form as it was filled, before a button was pressed."""
    return {
        "amount": amount,
        "tender": "cash",
        "payer": "本人",
        "payment_reference": "",
        "disease": "J15.900",
        "insured_class": "resident",
        "idempotency_key": next(_keys),
        **changes,
    }


def collect(browser: Browser, amount: str, stay_no: str = STAY, **changes: str) -> TestResponse:
    """Press 收款 on a previewed amount."""
    form = payment(amount, **changes)
    return browser.post(f"/desk/stays/{stay_no}/deposits", {"collect": form["amount"], **form})


def words(page: str) -> str:
    """The text of a page as a reader hears it: no tags, single spaces."""
    bare = re.sub(r"<(script|style|template)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", bare))).strip()
