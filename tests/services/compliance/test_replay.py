"""Every stored decision comes out again as it was stored, and what was tampered with is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from hospital_prepay.cli.rules import rules
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.compliance.replay import DecisionsDiffer, replay_decisions, require_same
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.slips import RequestRefund, RequestVoid, request_refund, request_void
from tests.hospital import CASHIER, Hospital

STAY = "2601140001"


def busy(hospital: Hospital) -> None:
    """A decision of every rule: permitted, refused and held, with and without a cap or a similar disease."""
    hospital.admit()
    hospital.admit("2", circumstance="similar", similar_code="G00.900", similar_ground="神经内科王医生：脑膜刺激征")
    hospital.admit("3", disease_code="A03.900", disease_name="细菌性痢疾")
    hospital.admit("4", disease_code="A04.900", disease_name="细菌性肠炎")
    hospital.admit("5", circumstance="third_party")
    for number, yuan in enumerate(("500", "9000")):
        command = CollectDeposit(STAY, Money.of_yuan(yuan), Tender.CASH, f"key-{number}")
        collect_deposit(hospital.context, CASHIER, command)
    request_void(hospital.context, CASHIER, RequestVoid("A01-000001", "录错"))
    request_refund(hospital.context, CASHIER, RequestRefund(STAY, Money(60000), Tender.CASH, "退"))
    request_refund(hospital.context, CASHIER, RequestRefund(STAY, Money(100), Tender.CASH, "退"))


def tamper(owner: Database, rule: str, column: str, old: str, new: str) -> str:
    """Change the text of one stored decision behind the program's back; returns its id."""
    with owner.writing() as connection:
        if owner.is_postgresql:
            connection.execute(sa.text("ALTER TABLE decision DISABLE TRIGGER USER"))
        else:
            for name in connection.scalars(
                sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'decision'")
            ).all():
                connection.execute(sa.text(f'DROP TRIGGER "{name}"'))
        find = sa.text(
            f"SELECT decision_id FROM decision WHERE rule = :rule AND {column} LIKE :like ORDER BY decision_id"
        )
        decision_id = str(connection.scalars(find, {"rule": rule, "like": f"%{old}%"}).first())
        change = sa.text(f"UPDATE decision SET {column} = replace({column}, :old, :new) WHERE decision_id = :id")
        assert connection.execute(change, {"old": old, "new": new, "id": decision_id}).rowcount == 1
    return decision_id


def test_every_decision_comes_out_again_as_it_was_stored(hospital: Hospital) -> None:
    busy(hospital)
    replay = replay_decisions(hospital.context.database)
    version = hospital.context.rule_version
    assert [(c.rule, c.rule_version, c.decisions, c.different) for c in replay.counts] == [
        ("inpatient.collect", version, 2, 0),
        ("inpatient.determine_cap", version, 5, 0),
        ("inpatient.refund", version, 2, 0),
        ("inpatient.void_slip", version, 1, 0),
    ]
    require_same(replay)


PNEUMONIA = {"disease_code": "J15.900", "disease_name": "细菌性肺炎", "cap_fen": 320000, "posted": True}
ENTERITIS = {"disease_code": "A04.900", "disease_name": "细菌性肠炎", "cap_fen": 100000, "posted": False}


@pytest.mark.parametrize(
    ("facts", "amount_fen", "reasons"),
    [
        (
            {"circumstance": "similar", "own": None, "similar": [PNEUMONIA], "chosen": PNEUMONIA},
            320000,
            [["cap_table", "guizhou-deposit-2025/12"], ["similar", "guizhou-deposit-2025/17.2"]],
        ),
        (
            {"circumstance": "plain", "own": None, "similar": [ENTERITIS, PNEUMONIA], "chosen": PNEUMONIA},
            320000,
            [["cap_table", "guizhou-deposit-2025/12"], ["unposted", "guizhou-deposit-2025/18"]],
        ),
    ],
)
def test_decisions_from_before_the_steps_come_out_again(
    facts: dict[str, object], amount_fen: int, reasons: list[list[str]]
) -> None:
    """As they were stored: rows without a step, no ground, no second table."""
    rest = {"disease_code": "R50.900", "insured_class": "resident", "talk_recorded": False, "table_version": 1}
    computed = RULES["inpatient.determine_cap"]({**rest, **facts}, "before")
    assert computed.answer() == {"outcome": "permitted", "amount_fen": amount_fen, "reasons": reasons}


@pytest.mark.parametrize(
    ("rule", "column", "old", "new"),
    [
        ("inpatient.collect", "facts", '"cap_fen":320000', '"cap_fen":320'),
        ("inpatient.collect", "outcome", "refused", "permitted"),
        ("inpatient.collect", "reasons", "/17", "/18"),
        ("inpatient.determine_cap", "facts", '"chosen":{"cap_fen":684000', '"chosen":{"cap_fen":684001'),
        ("inpatient.void_slip", "facts", '"already_void":false', '"already_void":true'),
        ("inpatient.refund", "facts", "balance_fen", "balance"),
        ("inpatient.refund", "rule", "inpatient.refund", "inpatient.gift"),
    ],
)
def test_a_decision_that_was_tampered_with_is_found(
    hospital: Hospital, owner_database: Database, rule: str, column: str, old: str, new: str
) -> None:
    busy(hospital)
    decision_id = tamper(owner_database, rule, column, old, new)
    replay = replay_decisions(hospital.context.database)
    assert (replay.decisions, replay.different) == (10, 1)
    assert replay.first is not None
    assert replay.first.decision_id == decision_id
    with pytest.raises(DecisionsDiffer, match=decision_id):
        require_same(replay)


@pytest.fixture
def on_this_database(sqlite_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREPAY_MODE", "demo")
    monkeypatch.setenv("PREPAY_DATABASE_URL", sqlite_urls[1])
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))


@pytest.mark.usefixtures("on_this_database")
@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_the_command_counts_by_rule_and_version_and_ends_with_70(
    hospital: Hospital, owner_database: Database
) -> None:
    busy(hospital)
    done = CliRunner().invoke(rules, ["replay"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split() == ["规则", "规则版本", "读法", "决定", "不一样"]
    assert "  相似病种怎么找？先查本院相似病种表，再" in done.stdout
    assert done.stdout.splitlines()[-1] == "共 10 个决定，0 个重新计算后不一样。"
    decision_id = tamper(owner_database, "inpatient.collect", "facts", '"amount_fen":900000', '"amount_fen":9')
    found = CliRunner().invoke(rules, ["replay", "--format", "json"])
    assert isinstance(found.exception, DecisionsDiffer)
    told = json.loads(found.stdout)
    assert (told["decisions"], told["different"]) == (10, 1)
    assert told["first_different"]["decision_id"] == decision_id
    assert told["first_different"]["readings"]["class_known_later"] == "known_class_from_then"
    assert told["first_different"]["stored"]["outcome"] == "refused"
    assert told["first_different"]["computed"]["outcome"] == "permitted"
    assert {one["rule"]: one["different"] for one in told["rules"]}["inpatient.collect"] == 1
