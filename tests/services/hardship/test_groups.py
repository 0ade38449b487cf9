"""The groups of article 21: lists in, somebody recognised by the certificate, and what is asked for at the desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.paying_later import Grade, Group, History, asked_fen, grade_of
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.hardship.groups import NewList, import_list, list_groups
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.desk import DeskStay, desk_stay
from hospital_prepay.services.inpatient.stays import Placement, RegisterStay, register_stay
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from tests.hospital import ADMITTED, CASHIER, OFFICER, Hospital

pytestmark = pytest.mark.clause("guizhou-deposit-2025/21")
NO, NAME, CERTIFICATE = "2601140009", "吴桂兰", "11010519491231002X"
OTHER = "110105194912310038"
NEW = NewList("云岭县", "县民政局〔2026〕1号", date(2026, 1, 10), None)
HEAD = "姓名,身份证号,人群,有效期起,有效期止\n"


@pytest.fixture
def known(hospital: Hospital) -> Hospital:
    """Somebody with a certificate in hospital; the cap is 3,200."""
    placement = Placement("J15.900", "细菌性肺炎", "resident")
    register_stay(hospital.context, CASHIER, RegisterStay(NO, NAME, placement, ADMITTED, certificate=CERTIFICATE))
    return hospital


def take(hospital: Hospital, folder: Path, text: str, new: NewList = NEW) -> list[tuple[Group, int]]:
    path = folder / "list.csv"
    path.write_text(text, "utf-8")
    return [(one.group, one.members) for one in import_list(hospital.context, OFFICER, path, new)]


def follow(hospital: Hospital, name: str = "pay_later_low_income", value: str = "yes") -> None:
    change_reading(hospital.context, OFFICER, name, NewChoice(value, "黔卫健发〔2018〕5号"))


def desk(hospital: Hospital) -> DeskStay:
    return desk_stay(hospital.context, CASHIER, NO)


def test_a_group_is_recognised_by_the_certificate_and_nothing_is_asked_for(known: Hospital, tmp_path: Path) -> None:
    text = f"{HEAD}{NAME},{CERTIFICATE.lower()},低保对象,2025-01-01,2026-12-31\n"
    assert take(known, tmp_path, text) == [(Group.LOW_INCOME, 1)]
    view = desk(known)
    assert [(one.group, one.is_followed, one.same_name) for one in view.asking.groups] == [
        (Group.LOW_INCOME, False, True)
    ]
    assert (view.asked, view.room) == (Money(320_000), Money(320_000)), "off by default"
    follow(known)
    view = desk(known)
    assert (view.asked, view.room) == (Money(0), Money(320_000))
    assert view.asking.groups[0].policy == "黔卫健发〔2018〕5号"
    taken = CollectDeposit(NO, Money(320_000), Tender.CASH, "of-own-will")
    assert collect_deposit(known.context, CASHIER, taken).receipt_no, "who wants to pay may, within the cap"
    over = CollectDeposit(NO, Money(1), Tender.CASH, "above-cap-1")
    assert collect_deposit(known.context, CASHIER, over).receipt_no is None


def test_a_feed_brings_the_certificate_and_an_older_card_is_the_same_person(known: Hospital, tmp_path: Path) -> None:
    take(known, tmp_path, f"{HEAD}张三,{'110105491231002'},特困人员,,\n")
    found = desk(known).asking.groups
    assert [(one.group, one.same_name) for one in found] == [(Group.DESTITUTE, False)]


def test_the_newest_list_of_a_group_and_region_takes_the_place_of_the_older(known: Hospital, tmp_path: Path) -> None:
    mine, theirs = f"{NAME},{CERTIFICATE},低保对象,,\n", f"李四,{OTHER},低保对象,,\n"
    take(known, tmp_path, HEAD + mine)
    with pytest.raises(Conflict, match="已经导入过"):
        take(known, tmp_path, HEAD + mine)
    with pytest.raises(Conflict, match="比这份新"):
        take(known, tmp_path, HEAD + theirs, replace(NEW, dated_on=date(2026, 1, 9)))
    take(known, tmp_path, HEAD + theirs, replace(NEW, region="另一个县"))
    assert desk(known).asking.groups
    take(known, tmp_path, HEAD + theirs)
    assert not desk(known).asking.groups
    assert [one.counts for one in list_groups(known.context, OFFICER)] == [True, True, False]


@pytest.mark.parametrize(
    ("valid", "expected"),
    [("2026-01-15,", 0), ("2026-01-14,", 1), (",2026-01-13", 0), (",2026-01-14", 1)],
)
def test_a_list_counts_for_who_was_on_it_at_admission(
    known: Hospital, tmp_path: Path, valid: str, expected: int
) -> None:
    take(known, tmp_path, f"{HEAD}{NAME},{CERTIFICATE},脱贫人口,{valid}\n")
    assert len(desk(known).asking.groups) == expected


def test_a_file_with_a_bad_line_takes_nobody(known: Hospital, tmp_path: Path) -> None:
    good = f"{NAME},{CERTIFICATE},低保对象,,\n"
    for bad, words in (
        ("李四,110105194912310021,低保对象,,\n", "第 3 行：证件号码不对"),
        (f"李四,{OTHER},富人,,\n", "人群要写"),
        (f",{OTHER},低保对象,,\n", "没有姓名"),
        (f"李四,{OTHER},低保对象,昨天,\n", "不是有效的日期"),
        (f"李四,{OTHER},低保对象,2026-02-01,2026-01-01\n", "起止反了"),
    ):
        with pytest.raises(MalformedInput, match=words):
            take(known, tmp_path, HEAD + good + bad)
    with pytest.raises(MalformedInput, match="没有人"):
        take(known, tmp_path, HEAD)
    with pytest.raises(MalformedInput, match="不能晚于今天"):
        take(known, tmp_path, HEAD + good, replace(NEW, dated_on=date(2026, 1, 16)))
    assert known.count("patient_group_list") == 0
    with pytest.raises(NotPermitted):
        import_list(known.context, CASHIER, tmp_path / "list.csv", NEW)


def test_a_file_without_a_group_column_takes_that_of_the_form(known: Hospital, tmp_path: Path) -> None:
    text = f"姓名,证件号码\n{NAME},{CERTIFICATE}\n{NAME},{CERTIFICATE}\n"
    assert take(known, tmp_path, text, replace(NEW, group=Group.AT_RISK)) == [(Group.AT_RISK, 1)]


def test_nothing_of_a_list_is_readable_in_the_database(known: Hospital, database: Database, tmp_path: Path) -> None:
    take(known, tmp_path, f"{HEAD}{NAME},{CERTIFICATE},低保对象,,\n")
    with database.reading() as connection:
        text = str(connection.execute(sa.text("SELECT * FROM patient_group_member")).all())
    assert CERTIFICATE not in text
    assert NAME not in text


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE patient_group_list SET source = 'x'",
        "DELETE FROM patient_group_member",
        "UPDATE patient_group_member SET certificate_hash = 'x'",
        "INSERT INTO patient_group_member SELECT institution_id, list_no, 2, 'x', 'x', 'x', NULL, NULL"
        " FROM patient_group_member",
    ],
)
def test_raw_sql_puts_nobody_on_a_list(known: Hospital, database: Database, tmp_path: Path, statement: str) -> None:
    take(known, tmp_path, f"{HEAD}{NAME},{CERTIFICATE},低保对象,,\n")
    with (
        pytest.raises(sa.exc.DBAPIError, match=r"append_only|wrong_step|permission denied"),
        database.writing() as connection,
    ):
        connection.execute(sa.text(statement))


def test_credit_asks_for_a_share_and_says_why(known: Hospital, clock: FixedClock) -> None:
    assert desk(known).asking.grade is None
    follow(known, "credit_grades")
    view = desk(known)
    assert (view.asking.grade, view.asked) == (Grade.B, Money(320_000))
    assert "没有欠费" in view.asking.grade_words
    follow(known, "credit_share_b", "30")
    assert desk(known).asked == Money(96_000)
    taken = CollectDeposit(NO, Money(100_000), Tender.CASH, "more-than-asked")
    assert collect_deposit(known.context, CASHIER, taken).receipt_no
    assert desk(known).asked == Money(0)
    clock.moment += timedelta(days=1)


def test_a_grade_follows_from_arrears_and_promises_alone() -> None:
    assert grade_of(History(0, 0, 0)) is Grade.B
    assert grade_of(History(3, 0, 0)) is Grade.A
    assert grade_of(History(3, 0, 1)) is Grade.B
    assert grade_of(History(3, 1, 0)) is Grade.C
    assert [asked_fen(999, 100, share, pays_later=False) for share in (0, 50, 100, 150)] == [0, 399, 899, 899]
    assert asked_fen(999, 0, 100, pays_later=True) == 0
