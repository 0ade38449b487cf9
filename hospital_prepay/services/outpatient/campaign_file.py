"""The file of a campaign for the system that sends: made once, with only what it needs, and fetched again as it was.

It is read as a stream and kept in encrypted parts, so that memory stays flat for a million lines.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, DatabaseFault, MalformedInput, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.contact import Outcome
from hospital_prepay.domain.rules.outpatient.notice import Filling, fill
from hospital_prepay.domain.rules.outpatient.reach import Way, is_mobile, phone_number
from hospital_prepay.files.exports import write_csv, write_xlsx
from hospital_prepay.persistence import outpatient_campaigns as store
from hospital_prepay.persistence import outpatient_contacts as contacts
from hospital_prepay.persistence.outpatient_campaigns import CampaignRow, FileRow
from hospital_prepay.persistence.outpatient_contacts import Addressee, ResultRow
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.campaigns import MISSING, locked
from hospital_prepay.services.outpatient.sealing import PERSONAL
from hospital_prepay.services.publication.institution import hospital_of
from hospital_prepay.settings import private_file

CONTENT: Final = "outpatient_contact_part.content"
MOST_OF_A_SHEET: Final = 200_000
_PART: Final = 384 * 1024
_TOLD: Final = 10_000
_HEADERS: Final = {
    Way.SMS: ("编号", "手机号", "短信内容"),
    Way.PHONE: ("编号", "姓名", "电话", "话术"),
    Way.WECHAT: ("编号", "账户号", "患者号", "消息内容"),
}
Progress = Callable[[int, int], None]


class Form(StrEnum):
    """The kind of file."""

    CSV = "csv"
    XLSX = "xlsx"


@dataclass
class _Made:
    """What was written, and what couldn't be."""

    path: Path
    lines: int = 0
    left_out: int = 0
    unsuited: list[str] = field(default_factory=list)


def export_campaign(
    context: Context, actor: Actor, campaign_no: int, form: Form, progress: Progress | None = None
) -> FileRow:
    """Make the file of a released campaign. Once it is made, asking again gives the one there is.

    Accounts that were refunded or claimed since are left out, and landlines of a campaign by SMS, which is written
    down for the next way. Raises :class:`NotFound`, :class:`Conflict` for a campaign that has no file.
    """
    actor.require(Permission.OUTPATIENT_CONTACT)
    with tempfile.TemporaryDirectory(prefix="prepay-campaign-") as folder:
        with context.database.reading() as connection:
            head = next(iter(store.campaigns(connection, actor.institution_id, campaign_no)), None)
            there = store.find_file(connection, actor.institution_id, campaign_no)
            if there is not None:
                return there
            if head is None:
                raise NotFound(MISSING)
            if head.state != "released" or head.channel == Way.BOARD:
                raise Conflict("只有放行了的短信、电话、微信通知才有名单可导出。请刷新后再看。")
            if form is Form.XLSX and head.chosen > MOST_OF_A_SHEET:
                raise MalformedInput(f"超过 {MOST_OF_A_SHEET:,} 行，请选 CSV。", details={"field": "form"})
            rows = contacts.addressees(connection, actor.institution_id, campaign_no)
            made = _write(context, actor, head, form, rows, Path(folder), progress)
        return _keep(context, actor, campaign_no, form, made)


def fetch_campaign_file(context: Context, actor: Actor, campaign_no: int) -> tuple[FileRow, IO[bytes]]:
    """The file again, byte for byte; its SHA-256 is looked at before. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_CONTACT)
    with context.work(actor, "outpatient.fetch_campaign", f"outpatient_campaign:{campaign_no}") as work:
        found = store.find_file(work.connection, work.institution_id, campaign_no)
        if found is None:
            raise NotFound("这次通知还没有导出名单。请先导出。")
        target = tempfile.TemporaryFile(prefix="prepay-campaign-")  # noqa: SIM115 - handed to the caller, gone when closed
        digest = hashlib.sha256()
        for number in range(1, found.parts + 1):
            sealed = store.file_part(work.connection, work.institution_id, campaign_no, number)
            plain = context.cipher.decrypt(sealed, institution=work.institution_id, field=CONTENT) if sealed else ""
            block = base64.b64decode(plain)
            digest.update(block)
            target.write(block)
        if digest.hexdigest() != found.sha256:
            raise DatabaseFault("名单文件与导出时不一样，没有给出。请把通知编号报给信息科。")
        work.audit(detail={"campaign": campaign_no, "sha256": found.sha256})
    target.seek(0)
    return found, target


def reference(campaign_no: int, seq: int) -> str:
    """By which the sending system names an attempt."""
    return f"{campaign_no:04}-{seq:07}"


def _write(
    context: Context,
    actor: Actor,
    head: CampaignRow,
    form: Form,
    rows: Iterator[Addressee],
    folder: Path,
    progress: Progress | None,
) -> _Made:
    made = _Made(private_file(folder / f"campaign.{form}"))
    hospital = hospital_of(context, actor.institution_id)
    way = Way(head.channel)

    def lines() -> Iterator[tuple[str, ...]]:
        for count, one in enumerate(rows, 1):
            if progress and count % _TOLD == 0:
                progress(count, head.chosen)
            phone = _phone(context, actor.institution_id, one.personal) if way is not Way.WECHAT else ""
            if one.is_owed and way is Way.SMS and not is_mobile(phone):
                made.unsuited.append(one.account_no)
            elif one.is_owed:
                made.lines += 1
                balance = Money(one.balance_fen).plain()
                words = Filling(hospital.name, hospital.phone, one.holder_name, one.account_no, balance)
                yield _line(way, reference(head.campaign_no, one.seq), one, phone, fill(head.text, words))
                continue
            made.left_out += 1

    if form is Form.CSV:
        write_csv(made.path, _HEADERS[way], lines())
    else:
        write_xlsx(made.path, way.label, _HEADERS[way], lines())
    return made


def _line(way: Way, number: str, one: Addressee, phone: str, words: str) -> tuple[str, ...]:
    if way is Way.SMS:
        return number, phone, words
    if way is Way.PHONE:
        return number, one.holder_name, phone, words
    return number, one.account_no, one.patient_no, words


def _keep(context: Context, actor: Actor, campaign_no: int, form: Form, made: _Made) -> FileRow:
    if not made.lines:
        raise Conflict("名单里没有一个还要通知的账户：都已经退款、在办，或号码收不到。不用导出。")
    size = made.path.stat().st_size
    with context.work(actor, "outpatient.export_campaign", f"outpatient_campaign:{campaign_no}") as work:
        locked(work, campaign_no, "released")
        there = store.find_file(work.connection, work.institution_id, campaign_no)
        if there is not None:
            return there
        with made.path.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        values = {
            "institution_id": work.institution_id,
            "campaign_no": campaign_no,
            "form": form.value,
            "lines": made.lines,
            "left_out": made.left_out,
            "size": size,
            "parts": -(-size // _PART),
            "sha256": digest,
            "made_by": actor.actor_id,
            "made_at": work.now,
        }
        store.add_file(work.connection, values, _sealed_parts(context, work.institution_id, made.path))
        unsuited = (ResultRow(number, Outcome.UNSUITED.value, "导出时核对", work.now) for number in made.unsuited)
        contacts.add_results(work.connection, work.institution_id, campaign_no, None, unsuited)
        work.audit(detail={"campaign": campaign_no, "lines": made.lines, "left_out": made.left_out, "sha256": digest})
        return FileRow(**{name: values[name] for name in FileRow.__dataclass_fields__})  # type: ignore[arg-type]


def _sealed_parts(context: Context, institution_id: str, path: Path) -> Iterator[str]:
    with path.open("rb") as source:
        while block := source.read(_PART):
            text = base64.b64encode(block).decode()
            yield context.cipher.encrypt(text, institution=institution_id, field=CONTENT)


def _phone(context: Context, institution_id: str, personal: str) -> str:
    if not personal:
        return ""
    kept = json.loads(context.cipher.decrypt(personal, institution=institution_id, field=PERSONAL))
    typed = str(kept.get("phone", ""))
    # The sending system dials what it is given: digits alone. What can't be a number stays as it was written.
    return phone_number(typed) or typed
