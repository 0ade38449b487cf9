"""Lists of the four groups of article 21 with a few people, some of whom lie in the synthetic hospital, and what
those in hospital have cost so far.

No certificate number here can be anybody's (529900 is no administrative division). Done again, nothing is done twice.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.paying_later import Group
from hospital_prepay.persistence import stays as store
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.demonstration.stays import demonstration_stays, full_name
from hospital_prepay.services.hardship.groups import NewList, import_list
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from hospital_prepay.services.settlement.costs import take_cost_file

_REGION: Final = "晴岭县（虚构）"
_SOURCE: Final = "晴岭县民政、农业农村部门（虚构）〔2026〕3 号"
_POLICY: Final = "晴岭县（虚构）〔2026〕5 号：特困人员、低保对象住院先诊疗后付费"
# Which stays at the desk, the earliest being 0, are of somebody on a list.
IN_HOSPITAL: Final = {0: Group.LOW_INCOME, 6: Group.DESTITUTE, 12: Group.LIFTED, 18: Group.AT_RISK}
PAY_LATER: Final = (Group.LOW_INCOME, Group.DESTITUTE)
_OTHERS: Final = 6
# Expected own share in hundredths of the cap, by turns: some stay below what was collected, some run ahead of it.
_SO_FAR: Final = (45, 130, 30, 80, 25, 95)
_OWN_OF_TOTAL: Final = 38
_EVERY: Final = 2
_HOUR: Final = timedelta(hours=1)
_FIRST_BORN: Final = date(1950, 1, 1)


def certificate_of(index: int) -> str:
    """The certificate of the stay with this index, where it is of somebody on a list; else nothing."""
    return _certificate(index) if index in IN_HOSPITAL else ""


def recognise_groups(stage: Stage, moment: datetime, until: datetime, number: int) -> None:
    """Take in one list of each group, and follow the policy of paying later for two of them, before the ``number``
    stays of the two weeks before ``until`` come to the desk."""
    context, officer = stage.at(moment), stage.actor(Role.FINANCE_OFFICER)
    new = NewList(_REGION, _SOURCE, local(moment).date(), None)
    heading = ("姓名", "证件号码", "人群")
    with suppress(Conflict):  # taken in already
        _with_table((heading, *_listed(until, number)), lambda path: import_list(context, officer, path, new))
    for group in PAY_LATER:
        with suppress(Conflict):  # followed already
            change_reading(context, officer, f"pay_later_{group.value}", NewChoice("yes", _POLICY))


def tell_costs(stage: Stage, until: datetime, number: int) -> None:
    """What every second of the stays has cost so far, an hour before ``until``."""
    rows: list[Sequence[str]] = [("住院号", "截至时间", "费用总额", "预计个人负担")]
    as_of = f"{local(until - _HOUR):%Y-%m-%d %H:%M}"
    with stage.context.database.reading() as connection:
        for index, stay in enumerate(demonstration_stays(number, until)):
            if index % _EVERY or stay.admitted_at > until - _HOUR:
                continue
            cap_fen = store.read_stay(connection, stage.house.code, stay.admission_no).cap_fen or 0
            own = cap_fen * _SO_FAR[index // _EVERY % len(_SO_FAR)] // 100
            total = own * 100 // (100 if stay.insured_class == "self_pay" else _OWN_OF_TOTAL)
            rows.append((stay.admission_no, as_of, Money(total).plain(), Money(own).plain()))
    officer = stage.actor(Role.FINANCE_OFFICER)
    _with_table(rows, lambda path: take_cost_file(stage.at(until), officer, path))


def _listed(until: datetime, number: int) -> Iterable[Sequence[str]]:
    """Those in hospital, and people of each group who aren't."""
    for index, stay in enumerate(demonstration_stays(number, until)):
        if index in IN_HOSPITAL:
            yield stay.patient_name, _certificate(index), IN_HOSPITAL[index].label
    rng, groups = Random(21), list(Group)
    for index in range(len(groups) * _OTHERS):
        yield full_name(rng), _certificate(100 + index), groups[index % len(groups)].label


def _certificate(index: int) -> str:
    born = _FIRST_BORN + timedelta(days=index * 137)
    return same_person_number(f"529900{born:%y%m%d}{index + 701:03}")


def _with_table(rows: Iterable[Sequence[str]], take: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory(prefix="prepay-demo-") as folder:
        path = Path(folder) / "table.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            csv.writer(target).writerows(rows)
        take(path)
