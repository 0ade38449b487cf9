"""Finding people (7): proposed by one, released by another, sent, answered; wrong and dead numbers lead on."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import (
    Conflict,
    MalformedInput,
    NotFound,
    NotPermitted,
    NoUsableRow,
    SecondPersonRequired,
)
from hospital_prepay.domain.rules.outpatient.contact import Outcome, Standing
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.files.tables import open_table
from hospital_prepay.persistence import outpatient_register as register
from hospital_prepay.persistence.outpatient_campaigns import ImportRow
from hospital_prepay.services.outpatient import campaign_file, campaign_photos, campaigns, contact_results
from hospital_prepay.services.outpatient.campaign_file import Form
from hospital_prepay.services.outpatient.campaigns import ProposeCampaign, Who
from tests.hospital import INSTITUTION, actor
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, ROWS, Outpatients
from tests.told import number_changed

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")
SECOND = actor(Role.FINANCE_OFFICER, "2")
BOTH = actor(Role.FINANCE_APPROVER, "2")
TEXT = "{医院}：您的账户（尾号{尾号}）还有余额，什么时候来都可以退。咨询{电话}。"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
# M001 and M002 have a mobile phone, M002 paid over WeChat; M003 has nothing; M006 a landline.
LANDLINE = ("M006", "周己", "", "0851-85550123", "12.00", "2021-01-01", "门诊预交金", "现金")


class Campaigns:
    """Shorthand for a campaign's steps."""

    def __init__(self, outpatients: Outpatients, folder: Path) -> None:
        self.outpatients, self.context, self.folder, self.files = outpatients, outpatients.context, folder, 0

    def propose(
        self, way: Way = Way.SMS, who: Who = Who.NEXT, text: str = "", by: Actor = OFFICER, **more: object
    ) -> int:
        words = text or ("请来退款，咨询{电话}。" if way is Way.BOARD else TEXT)
        return campaigns.propose_campaign(self.context, by, ProposeCampaign("通知", way, words, who, **more))  # type: ignore[arg-type]

    def released(self, way: Way = Way.SMS, who: Who = Who.NEXT) -> int:
        number = self.propose(way, who)
        campaigns.release_campaign(self.context, APPROVER, number)
        return number

    def exported(self, way: Way = Way.SMS, who: Who = Who.NEXT) -> int:
        number = self.released(way, who)
        campaign_file.export_campaign(self.context, OFFICER, number, Form.CSV)
        return number

    def lines(self, number: int) -> list[list[str]]:
        _, content = campaign_file.fetch_campaign_file(self.context, OFFICER, number)
        with content:
            return list(csv.reader(io.StringIO(content.read().decode("utf-8-sig"))))[1:]

    def results(
        self, number: int, *rows: tuple[str, str, str, str], by: Actor = SECOND, encoding: str = "utf-8"
    ) -> ImportRow:
        self.files += 1
        path = self.folder / f"results-{self.files}.csv"
        text = "编号,结果,时间,回执号\n" + "".join(",".join(row) + "\n" for row in rows)
        path.write_bytes(text.encode(encoding))
        return contact_results.import_results(self.context, by, path, path.name, number)

    def answer(self, number: int, result: str, account_no: str) -> ImportRow:
        with self.context.database.reading() as connection:
            seq = connection.scalar(
                sa.text("SELECT seq FROM outpatient_contact WHERE campaign_no = :c AND account_no = :a"),
                {"c": number, "a": account_no},
            )
        ref = campaign_file.reference(number, seq)
        return self.results(number, (ref, result, "2026-01-05 09:00", f"R{self.files}"))

    def board(self) -> int:
        number = self.released(Way.BOARD)
        self.photo(number)
        return number

    def photo(self, number: int, content: bytes = PNG, by: Actor = SECOND) -> int:
        day = date(2026, 1, 5)
        return campaign_photos.prove_campaign(
            self.context, by, number, "门诊大厅", day, io.BytesIO(content), "栏.png"
        )

    def card(self, account_no: str) -> campaigns.ContactCard:
        return campaigns.contact_card(self.context, OFFICER, account_no)

    def listed(self, told: str) -> list[str]:
        narrowed = register.Narrowed(told=told)
        with self.context.database.reading() as connection:
            rows = register.list_accounts(connection, INSTITUTION, narrowed, 0, 50)
            assert register.sum_accounts(connection, INSTITUTION, narrowed)[0] == len(rows)
        return [one.account_no for one in rows]


@pytest.fixture
def found(outpatients: Outpatients, tmp_path: Path) -> Campaigns:
    with outpatients.context.database.writing() as connection:
        connection.execute(sa.text("UPDATE institution SET phone = '0851-85550000'"))
    outpatients.census((*ROWS, LANDLINE))
    return Campaigns(outpatients, tmp_path)


def test_a_campaign_is_released_by_another_and_chooses_then(found: Campaigns) -> None:
    number = found.propose()
    with pytest.raises(NotPermitted):
        campaigns.release_campaign(found.context, CLERK, number)
    own = found.propose(by=BOTH)
    with pytest.raises(SecondPersonRequired):
        campaigns.release_campaign(found.context, BOTH, own)
    assert campaigns.release_campaign(found.context, APPROVER, number) == 3
    with pytest.raises(Conflict):
        campaigns.release_campaign(found.context, APPROVER, number)
    with pytest.raises(Conflict):
        campaigns.drop_campaign(found.context, OFFICER, number, "写错了")
    assert campaigns.show_campaign(found.context, OFFICER, number).head.total_fen == 6450 + 10000 + 1200


def test_a_proposal_is_dropped_once_with_its_ground(found: Campaigns) -> None:
    number = found.propose()
    with pytest.raises(MalformedInput):
        campaigns.drop_campaign(found.context, OFFICER, number, "  ")
    for _ in range(2):
        campaigns.drop_campaign(found.context, OFFICER, number, " 文字写错了 ", idempotency_key="form-1")
    head = campaigns.show_campaign(found.context, OFFICER, number).head
    assert (head.state, head.dropped_by, head.dropped_ground) == ("dropped", OFFICER.actor_id, "文字写错了")
    with pytest.raises(Conflict):
        campaigns.drop_campaign(found.context, OFFICER, number, "再作废", idempotency_key="form-2")
    with pytest.raises(NotFound):
        campaigns.drop_campaign(found.context, OFFICER, 99, "没有的")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("逾期作废。{电话}", "says_it_lapses"),
        ("不来的视 为 放 弃。{电话}", "says_it_lapses"),
        ("请来退款。", "no_phone"),
        ("{身份证}{电话}", "unknown_placeholder"),
        ("还有{余额}元。{电话}", "discloses"),
    ],
)
def test_a_text_that_may_not_go_out_isnt_proposed(found: Campaigns, text: str, code: str) -> None:
    with pytest.raises(MalformedInput) as refused:
        found.propose(text=text)
    assert refused.value.reason == code


def test_the_file_is_made_once_and_fetched_as_it_was(found: Campaigns) -> None:
    number = found.released()
    first = campaign_file.export_campaign(found.context, OFFICER, number, Form.CSV)
    assert (first.lines, first.left_out) == (2, 1)
    assert campaign_file.export_campaign(found.context, SECOND, number, Form.XLSX) == first
    _, content = campaign_file.fetch_campaign_file(found.context, SECOND, number)
    with content:
        text = content.read()
    assert hashlib.sha256(text).hexdigest() == first.sha256
    rows = found.lines(number)
    assert [row[1] for row in rows] == ["13800000001", "13800000002"]
    assert "尾号M001" in rows[0][2]
    assert "吴甲" not in text.decode()
    assert found.card("M006").history[0].outcome == Outcome.UNSUITED
    assert found.card("M006").next_way is Way.PHONE


def test_the_sending_system_gets_digits_alone(outpatients: Outpatients, tmp_path: Path) -> None:
    with outpatients.context.database.writing() as connection:
        connection.execute(sa.text("UPDATE institution SET phone = '0851-85550000'"))
    rows = (
        ("P1", "吴甲", "", "138-0000-0001", "5.00", "2020-01-01", "门诊预交金", "现金"),
        ("P2", "李乙", "", "+86 138 0000 0002", "5.00", "2020-01-01", "门诊预交金", "现金"),
    )
    outpatients.census(rows)
    found = Campaigns(outpatients, tmp_path)
    assert [line[1] for line in found.lines(found.exported())] == ["13800000001", "13800000002"]


def test_a_workbook_opens_with_its_lines(found: Campaigns, tmp_path: Path) -> None:
    number = found.released(Way.PHONE, Who.UNTRIED)
    campaign_file.export_campaign(found.context, OFFICER, number, Form.XLSX)
    _, content = campaign_file.fetch_campaign_file(found.context, OFFICER, number)
    path = tmp_path / "x.xlsx"
    path.write_bytes(content.read())
    content.close()
    with open_table(path) as table:
        assert [row[2] for _, row in table.rows] == ["13800000001", "13800000002", "085185550123"]


def test_who_was_paid_since_is_left_out(found: Campaigns) -> None:
    number = found.released()
    found.outpatients.accept("M001")
    campaign_file.export_campaign(found.context, OFFICER, number, Form.CSV)
    assert [row[1] for row in found.lines(number)] == ["13800000002"]
    assert campaigns.show_campaign(found.context, OFFICER, number).funnel.claimed == 1  # type: ignore[union-attr]


def test_results_count_once_by_file_and_by_line(found: Campaigns) -> None:
    number = found.exported()
    one, two = (f"{number:04}-{seq:07}" for seq in (1, 2))
    half = ((one, "已送达", "2026-01-05 09:00", "A1"),)
    whole = (*half, (two, "空号", "2026-01-05 09:01", "A2"), (one, "已送达", "2026-01-05 09:00", "A1"))
    done = found.results(number, *half, *half, encoding="gb18030")
    assert (done.taken, done.known, done.rejected) == (1, 1, 0)
    done = found.results(number, *whole)
    assert (done.taken, done.known, done.rejected) == (1, 2, 0)
    with pytest.raises(Conflict, match="已经导入过"):
        found.results(number, *whole)
    funnel = campaigns.show_campaign(found.context, OFFICER, number).funnel
    assert funnel is not None
    assert (funnel.sent, funnel.delivered, funnel.reached) == (2, 1, 0)


def test_lines_that_cant_be_used_are_told_by_line(found: Campaigns) -> None:
    number = found.exported()
    one = f"{number:04}-0000001"
    done = found.results(
        number,
        (one, "已送达", "2026-01-05 09:00", "A1"),
        (f"{number:04}-0000099", "已送达", "2026-01-05 09:00", "A2"),
        ("0009-0000001", "已送达", "2026-01-05 09:00", "A3"),
        (one, "也许", "2026-01-05 09:00", "A4"),
        (one, "已送达", "2027-01-05 09:00", "A5"),
        (one, "已送达", "2026-01-05 09:00", ""),
    )
    assert (done.taken, done.rejected) == (1, 5)
    told = campaigns.show_campaign(found.context, OFFICER, number).rejected
    assert [one.line for one in told] == [3, 4, 5, 6, 7]
    assert "没有第" in told[0].message
    with pytest.raises(NoUsableRow):
        found.results(number, ("x", "已送达", "2026-01-05 09:00", "A1"))


def test_who_proposed_tells_no_results(found: Campaigns) -> None:
    number = found.exported()
    row = (f"{number:04}-0000001", "空号", "2026-01-05 09:00", "A1")
    with pytest.raises(SecondPersonRequired):
        found.results(number, row, by=OFFICER)
    board = found.released(Way.BOARD, Who.UNTRIED)
    with pytest.raises(SecondPersonRequired):
        found.photo(board, by=OFFICER)
    with pytest.raises(Conflict):
        found.photo(number)


def test_a_dead_number_leads_on_until_every_way_was_tried(found: Campaigns) -> None:
    assert found.card("M002").next_way is Way.SMS
    found.answer(found.exported(), "空号", "M002")
    card = found.card("M002")
    assert (card.next_way, card.left, card.standing) == (Way.WECHAT, (Way.WECHAT, Way.BOARD), Standing.LEFT)
    assert found.listed("wechat") == ["M002"]
    found.answer(found.exported(Way.WECHAT), "已发出", "M002")
    assert found.card("M002").next_way is Way.BOARD
    found.board()
    assert found.card("M002").standing is Standing.COMPLETE
    assert "M002" in found.listed("complete")


def test_a_wrong_number_that_was_called_is_not_texted(found: Campaigns) -> None:
    found.answer(found.exported(Way.PHONE, Who.UNTRIED), "不是本人的号码", "M001")
    assert found.card("M001").next_way is Way.BOARD
    assert found.listed("board") == ["M001", "M003"], "M005 has nothing left to be told of"
    sms = found.released(Way.SMS, Who.UNREACHED)
    assert campaigns.show_campaign(found.context, OFFICER, sms).head.chosen == 2


def test_a_reached_owner_is_left_in_peace(found: Campaigns) -> None:
    found.answer(found.exported(), "已联系上", "M001")
    assert found.card("M001").standing is Standing.REACHED
    assert found.listed("reached") == ["M001"]
    number = found.released(Way.PHONE, Who.UNTRIED)
    assert campaigns.show_campaign(found.context, OFFICER, number).head.chosen == 2


def test_another_number_begins_anew(found: Campaigns) -> None:
    found.answer(found.exported(), "空号", "M002")
    number_changed(found.context, "M002", "13900000009")
    assert found.card("M002").next_way is Way.SMS
    assert "M002" in found.listed("sms")


def test_a_photo_is_one(found: Campaigns) -> None:
    number = found.released(Way.BOARD)
    with pytest.raises(MalformedInput, match="不是照片"):
        found.photo(number, b"<html>")
    assert found.photo(number) == 1
    with pytest.raises(Conflict):
        found.photo(number)
    assert campaign_photos.view_photo(found.context, OFFICER, number, 1).content == PNG


def test_sql_and_rule_say_the_same_of_random_histories(found: Campaigns) -> None:
    chance = random.Random(7)
    words = ["已发出", "已送达", "没有人接", "拒接", "不是本人", "空号", "已联系上"]
    for _ in range(8):
        way = chance.choice([Way.SMS, Way.PHONE, Way.WECHAT, Way.BOARD])
        try:
            number = found.released(way, chance.choice(list(Who)))
            if way is Way.BOARD:
                if chance.random() < 0.5:
                    found.photo(number)
                continue
            campaign_file.export_campaign(found.context, OFFICER, number, Form.CSV)
        except (MalformedInput, Conflict):
            continue
        for line in found.lines(number):
            if chance.random() < 0.7:
                found.results(number, (line[0], chance.choice(words), "2026-01-05", f"Q{found.files}"))
        for account_no in ("M001", "M002", "M003", "M006"):
            card = found.card(account_no)
            assert account_no in found.listed(card.standing.value)
            by_way = {one for one in Way if account_no in found.listed(one.value)}
            assert by_way == ({card.next_way} if card.next_way else set())


def raw(found: Campaigns) -> Callable[..., None]:
    def run(statement: str, **values: object) -> None:
        with pytest.raises(sa.exc.DBAPIError), found.context.database.writing() as connection:
            connection.execute(sa.text(statement), values)

    return run


def test_the_database_keeps_what_was_tried(found: Campaigns) -> None:
    sms = found.exported()
    found.answer(sms, "空号", "M001")
    board = found.board()
    refused = raw(found)
    for table, column in (
        ("outpatient_contact", "seq = 9"),
        ("outpatient_contact_file", "lines = 9"),
        ("outpatient_contact_part", "content = 'x'"),
        ("outpatient_contact_import", "imported_by = 'x'"),
        ("outpatient_contact_result", "outcome = 'reached'"),
        ("outpatient_contact_proof", "place = 'x'"),
        ("outpatient_campaign", "text = 'x'"),
        ("outpatient_campaign", "state = 'proposed'"),
        ("outpatient_campaign", "chosen = 99"),
    ):
        refused(f"UPDATE {table} SET {column}")
        refused(f"DELETE FROM {table}")
    now = found.context.clock.now().isoformat()
    head = "INSERT INTO outpatient_contact_import (institution_id, import_no, campaign_no, file_name, sha256, taken,"
    head += " known, rejected, imported_by, imported_at) VALUES (:i, 9, :c, 'x', 'y', 1, 0, 0, :by, :now)"
    for forger in (OFFICER.actor_id, OFFICER.actor_id.upper(), f" {OFFICER.actor_id}", "nobody"):
        refused(head, i=INSTITUTION, c=sms, by=forger, now=now)
    row = "INSERT INTO outpatient_contact_result (institution_id, campaign_no, account_no, outcome, receipt,"
    row += " happened_at, import_no) VALUES (:i, :c, :a, :o, 'r', :now, :n)"
    refused(row, i=INSTITUTION, c=sms, a="M002", o="dead_number", n=None, now=now)
    refused(row, i=INSTITUTION, c=board, a="M003", o="sent", n=1, now=now)
    refused(row, i=INSTITUTION, c=board, a="M003", o="unsuited", n=None, now=now)
    refused(row, i=INSTITUTION, c=sms, a="M003", o="sent", n=1, now=now)
    contact = "INSERT INTO outpatient_contact (institution_id, campaign_no, account_no, seq, channel, phone_hash)"
    contact += (
        " SELECT institution_id, :c, account_no, 9, :w, phone_hash FROM outpatient_account WHERE account_no = :a"
    )
    refused(contact, c=sms, w="sms", a="M003")
    proposed = found.propose(Way.PHONE, Who.UNTRIED)
    refused(contact, c=proposed, w="phone", a="M003")  # no phone
    refused(contact, c=proposed, w="sms", a="M002")  # another channel
    refused(contact, c=proposed, w="phone", a="M004")  # no deposit
    walk = "UPDATE outpatient_campaign SET state = 'released', chosen = :n, released_by = :by, released_at = :now"
    walk += " WHERE campaign_no = :c"
    refused(walk, n=3, by=APPROVER.actor_id, now=now, c=proposed)  # nobody was chosen
    with found.context.database.writing() as connection:
        connection.execute(sa.text(contact), {"c": proposed, "w": "phone", "a": "M002"})
    refused(walk, n=1, by=OFFICER.actor_id, now=now, c=proposed)
    refused(walk, n=2, by=APPROVER.actor_id, now=now, c=proposed)
