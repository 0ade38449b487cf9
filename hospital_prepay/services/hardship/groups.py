"""Lists of the four groups of article 21, as their authorities give them: kept encrypted, found by keyed hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.days import day_of
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.identity import certificate_fault, same_person_number
from hospital_prepay.domain.rules.inpatient.paying_later import Group
from hospital_prepay.files.tables import Column, open_table
from hospital_prepay.persistence import hardship as store
from hospital_prepay.persistence.hardship import ListRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.services.context import Context

__all__ = ["ListRow"]
COLUMNS: Final[Mapping[str, Column]] = {
    "name": Column("姓名", ("name", "姓名", "患者姓名")),
    "certificate": Column("证件号码", ("certno", "证件号码", "证件号", "身份证号", "身份证号码", "公民身份号码")),
    "group": Column("人群", ("group", "人群", "人员类别", "对象类别", "类别"), required=False),
    "valid_from": Column("有效期起", ("valid_from", "有效期起", "起始日期", "认定日期"), required=False),
    "valid_to": Column("有效期止", ("valid_to", "有效期止", "截止日期", "终止日期"), required=False),
}
_BY_LABEL: Final = {one.label: one for one in Group} | {one.value: one for one in Group}
_LONGEST_NAME: Final = 80
_TOLD: Final = 20
_MOST: Final = 200_000


@dataclass(frozen=True, slots=True)
class NewList:
    """Where a file comes from: the region and date of the list, its source, and its group where no column says."""

    region: str
    source: str
    dated_on: date
    group: Group | None


@dataclass(frozen=True, slots=True)
class TakenList:
    """A list that was taken, and the number of people on it."""

    list_no: int
    group: Group
    members: int


@dataclass(frozen=True, slots=True)
class KnownList:
    """A list; it ``counts`` until a newer one of its group and region takes its place."""

    row: ListRow
    imported_by: str
    counts: bool


def list_groups(context: Context, actor: Actor) -> list[KnownList]:
    """Every list, the newest first. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    with context.database.reading() as connection:
        rows = store.lists(connection, actor.institution_id)
        names = people.names(connection, actor.institution_id)
    seen: set[tuple[str, str]] = set()
    found = []
    for row in rows:
        found.append(
            KnownList(row, names.get(row.imported_by, row.imported_by), (row.group_code, row.region) not in seen)
        )
        seen.add((row.group_code, row.region))
    return found


def import_list(context: Context, actor: Actor, path: Path, new: NewList) -> list[TakenList]:
    """Take a file, one list for each group in it; each takes the place of the older list of its group and region.

    Needs ``settlement.manage``. Raises :class:`MalformedInput` naming the lines that can't be used (nothing is taken
    then: a list with gaps would leave people out), :class:`Conflict` for a list older than the one that counts.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    for field, said, words in (("region", new.region, "地区"), ("source", new.source, "来源和文号")):
        if not said.strip():
            raise MalformedInput(f"请写{words}。", code="missing_value", details={"field": field})
    if new.dated_on > context.clock.today():
        raise MalformedInput("名单日期不能晚于今天。", details={"field": "dated_on"})
    sha256, found = _read(path, new.group)
    with context.work(actor, "hardship.import", "patient_group_list", in_bulk=True) as work:
        known = store.lists(work.connection, work.institution_id)
        taken = []
        for number, (group, rows) in enumerate(sorted(found.items()), 1 + len(known)):
            _require_newer(known, group, new, sha256)
            values = {
                "institution_id": work.institution_id,
                "list_no": number,
                "group_code": group.value,
                "region": new.region.strip(),
                "source": new.source.strip(),
                "dated_on": new.dated_on,
                "members": len(rows),
                "sha256": sha256,
                "imported_by": actor.actor_id,
                "imported_at": work.now,
            }
            store.add_list(work.connection, values, _members(context, work.institution_id, number, rows))
            taken.append(TakenList(number, group, len(rows)))
        work.audit(detail={"lists": [[one.group.value, one.members] for one in taken], "region": new.region.strip()})
        return taken


def _require_newer(known: Sequence[ListRow], group: Group, new: NewList, sha256: str) -> None:
    same = [one for one in known if (one.group_code, one.region) == (group.value, new.region.strip())]
    if same and same[0].sha256 == sha256:
        raise Conflict(f"这份{group.label}名单已经导入过。")
    if same and same[0].dated_on > new.dated_on:
        raise Conflict(f"{new.region}{group.label}已有 {same[0].dated_on} 的名单，比这份新。请核对名单日期。")


def _members(context: Context, own: str, list_no: int, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    digest = context.keyed_hash.digesting(own, "certificate")
    seal, seal_name = context.cipher.sealing(own, "certificate"), context.cipher.sealing(own, "name")
    return [
        {
            "institution_id": own,
            "list_no": list_no,
            "line_no": number,
            "certificate_hash": digest(row["certificate"]),
            "certificate_enc": seal(row["certificate"]),
            "name_enc": seal_name(row["name"]),
            "valid_from": row["valid_from"],
            "valid_to": row["valid_to"],
        }
        for number, row in enumerate(rows, 1)
    ]


def _read(path: Path, group: Group | None) -> tuple[str, dict[Group, list[dict[str, Any]]]]:
    found: dict[Group, list[dict[str, Any]]] = {}
    wrong: list[str] = []
    seen: set[tuple[Group, str]] = set()
    with open_table(path) as table:
        places = table.columns(COLUMNS)
        for line, cells in table.rows:
            said = {name: cells[place].strip() for name, place in places.items() if place < len(cells)}
            try:
                of, row = _row(said, group)
            except MalformedInput as error:
                wrong.append(f"第 {line} 行：{error.message}")
                continue
            if (of, row["certificate"]) not in seen:
                seen.add((of, row["certificate"]))
                found.setdefault(of, []).append(row)
            if len(seen) > _MOST:
                raise MalformedInput(f"一个文件最多 {_MOST:,} 人。请分开导入。", details={"field": "file"})
        sha256 = table.sha256
    if wrong:
        more = f"另有 {len(wrong) - _TOLD} 行。" if len(wrong) > _TOLD else ""
        raise MalformedInput(
            "".join(wrong[:_TOLD]) + more + "请改好再导入；没有导入任何人。", details={"field": "file"}
        )
    if not found:
        raise MalformedInput("名单里没有人。请核对文件。", details={"field": "file"})
    return sha256, found


def _row(said: Mapping[str, str], group: Group | None) -> tuple[Group, dict[str, Any]]:
    of = _BY_LABEL.get(said["group"]) if said.get("group") else group
    if of is None:
        raise MalformedInput(f"人群要写{'、'.join(one.label for one in Group)}之一，或者在页面上选。")
    name, number = said.get("name", ""), same_person_number(said.get("certificate", ""))
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise MalformedInput("没有姓名，或者太长。")
    if not number or certificate_fault(number):
        raise MalformedInput("证件号码不对，请核对。")
    days = {one: day_of(said[one]) if said.get(one) else None for one in ("valid_from", "valid_to")}
    if days["valid_from"] and days["valid_to"] and days["valid_from"] > days["valid_to"]:
        raise MalformedInput("有效期的起止反了。")
    return of, {"name": name, "certificate": number, **days}
