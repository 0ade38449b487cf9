"""Owners who were told by every way there is and never answered, as campaigns leave them behind."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.persistence.outpatient_owners import OwnerChangeRow
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient import campaign_file, campaign_photos, campaigns, contact_results, owners
from hospital_prepay.services.outpatient.campaign_file import Form
from hospital_prepay.services.outpatient.campaigns import ProposeCampaign, Who
from hospital_prepay.services.outpatient.correction_review import reveal_owner_change
from tests.hospital import actor

PHOTO: Final = b"\x89PNG\r\n\x1a\n" + b"0" * 40
_ANSWERS: Final = {Way.SMS: "空号", Way.PHONE: "无人接听", Way.WECHAT: "送达"}
_OFFICER: Final = actor(Role.FINANCE_OFFICER)
_APPROVER: Final = actor(Role.FINANCE_APPROVER)


def tell_everybody(
    context: Context, officer: Actor = _OFFICER, approver: Actor = _APPROVER, ways: tuple[Way, ...] = tuple(Way)
) -> None:
    """Tell the owner of every open deposit by each of ``ways``; none of them is reached. ``officer`` proposes,
    ``approver`` releases and brings in what came of it."""
    with context.database.writing() as connection:
        connection.execute(sa.text("UPDATE institution SET phone = '0851-85550000'"))
    for way in ways:
        _tell(context, officer, approver, way)


def _tell(context: Context, officer: Actor, approver: Actor, way: Way) -> None:
    words = "随时可以退，咨询{电话}。"
    try:
        number = campaigns.propose_campaign(context, officer, ProposeCampaign("通知", way, words, Who.UNTRIED))
    except MalformedInput as nobody:
        if nobody.details["field"] != "who":
            raise
        return
    campaigns.release_campaign(context, approver, number)
    today = local(context.clock.now())
    if way is Way.BOARD:
        file = io.BytesIO(PHOTO)
        campaign_photos.prove_campaign(context, approver, number, "门诊大厅", today.date(), file, "栏.png")
        return
    campaign_file.export_campaign(context, officer, number, Form.CSV)
    _, content = campaign_file.fetch_campaign_file(context, officer, number)
    with content, tempfile.TemporaryDirectory() as folder:
        lines = list(csv.reader(io.StringIO(content.read().decode("utf-8-sig"))))[1:]
        path = Path(folder) / "results.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            rows = [(line[0], _ANSWERS[way], f"{today:%Y-%m-%d %H:%M}", f"R{line[0]}") for line in lines]
            csv.writer(target).writerows([("编号", "结果", "时间", "回执号"), *rows])
        if lines:
            contact_results.import_results(context, approver, path, path.name, number)


def number_changed(context: Context, account_no: str, phone: str) -> None:
    """The owner's number on record is corrected, by two people."""
    command = owners.AskOwnerChange(account_no, "", "", phone, "换了号码", "通话记录 7", f"number-{account_no}")
    approved(context, _APPROVER, owners.ask_owner_change(context, _OFFICER, command))


def approved(context: Context, by: Actor, change_no: int) -> OwnerChangeRow:
    """Somebody looks at a correction of a holder in full, and agrees to it."""
    reveal_owner_change(context, by, change_no, "与证件核对身份")
    return owners.approve_owner_change(context, by, change_no)
