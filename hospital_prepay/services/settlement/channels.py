"""The share that is done in the ward or online (article 20), and the counts that other systems report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.fund.henan_month import month_after
from hospital_prepay.domain.rules.settlement.channels import REPORTED, Service, in_ward_or_online
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.files.tables import Column, open_table
from hospital_prepay.persistence import channel_counts as store
from hospital_prepay.persistence.channel_counts import CountRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.months import first_and_last
from hospital_prepay.services.publication.institution import hospital_of
from hospital_prepay.services.settlement.reports import share_words, span_of

__all__ = ["CountRow"]
DEFINITIONS: Final = (
    "占比：在床旁（病区内）或线上办的件数，除以全部件数。",
    "结算：本月结清的出院结算，按结算时选的渠道；召回了的不算。",
    "支付：住院预交金和结算补交的收款张数，按票据上写的在哪里收的；其他系统经接口收的，没有另外写明的算线上；作废了的不算。",
    "入院登记、医保登记、查询由其他系统办理，件数由各系统报来，本程序不核对。",
)
_MOST: Final = 10_000_000
_COLUMNS: Final = {
    "period": Column("月份", ("period", "月份")),
    "service": Column("事项", ("service", "事项")),
    "channel": Column("渠道", ("channel", "渠道")),
    "number": Column("件数", ("number", "件数", "数量")),
}
_SERVICES: Final = {word: one for one in REPORTED for word in (one.value, one.label)}
_CHANNELS: Final = {word: one for one in Channel for word in (one.value, one.label)}


@dataclass(frozen=True, slots=True)
class Count:
    """How often a service was done by a channel in a month, as another system says."""

    period: str
    service: Service
    channel: Channel
    number: int


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """One of the five services over the months; ``months`` are those with a report, of what is reported."""

    service: Service
    numbers: dict[Channel, int]
    months: int | None

    @property
    def share(self) -> str:
        """The share in the ward or online."""
        return share_words(*in_ward_or_online(self.numbers))


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """The months from ``first`` to ``last``, and when the windows are open."""

    first: str
    last: str
    months: int
    lines: tuple[ChannelLine, ...]
    counts: tuple[CountRow, ...]
    hours: str
    names: dict[str, str]


def read_channels(context: Context, actor: Actor, first: str = "", last: str = "") -> ChannelReport:
    """The report of months, the newest twelve without them. Needs ``settlement.view``. Raises
    :class:`MalformedInput`."""
    actor.require(Permission.SETTLEMENT_VIEW)
    own = actor.institution_id
    last = last or f"{context.clock.today():%Y-%m}"
    since, until, first = span_of(first or month_after(last, -11), last)
    with context.database.reading() as connection:
        counts = store.newest(connection, own, first, last)
        found: dict[Service, dict[str, int]] = {
            Service.SETTLEMENT: store.settlements(connection, own, since, until),
            Service.PAYMENT: store.payments(connection, own, since, until),
        }
        names = dict(people.names(connection, own))
    for one in counts:
        sums = found.setdefault(Service(one.service), {})
        sums[one.channel] = sums.get(one.channel, 0) + one.number
    lines = tuple(
        ChannelLine(
            service,
            {channel: found.get(service, {}).get(channel.value, 0) for channel in Channel},
            len({one.period for one in counts if one.service == service}) if service in REPORTED else None,
        )
        for service in Service
    )
    months = next(number for number in range(1, 99) if month_after(first, number) > last)
    return ChannelReport(first, last, months, lines, tuple(counts), hospital_of(context, own).hours, names)


def write_counts(context: Context, actor: Actor, counts: Sequence[Count], source: str, key: str) -> int:
    """Write down what another system reports; returns how many figures are new. Needs ``settlement.manage``.

    All or nothing; a figure that stands already isn't written again. The same key gives the same answer.
    Raises :class:`MalformedInput`.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    if not 1 <= len(source.strip()) <= 80:
        raise MalformedInput("请写明数字从哪个系统来。", code="missing_value", details={"field": "source"})
    for one in counts:
        _check(context, one)
    with context.work(actor, "settlement.channel_count") as work:
        payload = {
            "source": source.strip(),
            "counts": [[one.period, one.service.value, one.channel.value, one.number] for one in counts],
        }
        known = work.known_answer(key, payload)
        if known is not None:
            return int(known["written"])
        written = sum(_write(work, one, source.strip()) for one in counts)
        work.audit(detail={"figures": written, "source": source.strip()})
        work.keep_answer(key, payload, {"written": written})
        return written


def take_channel_file(context: Context, actor: Actor, path: Path, source: str, key: str) -> int:
    """The same from a table with the columns 月份, 事项, 渠道, 件数. A row that can't be read refuses the file."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    with open_table(path) as table:
        places = table.columns(_COLUMNS)
        rows = ((line, {name: cells[place].strip() for name, place in places.items()}) for line, cells in table.rows)
        counts = list(_counts(rows))
    if not counts:
        raise MalformedInput("表里没有数字。请核对表头：月份、事项、渠道、件数。", details={"field": "file"})
    return write_counts(context, actor, counts, source, key)


def _counts(rows: Iterable[tuple[int, dict[str, str]]]) -> Iterable[Count]:
    for line, said in rows:
        service, channel = _SERVICES.get(said["service"]), _CHANNELS.get(said["channel"])
        number = said["number"].replace(",", "")
        if service is None or channel is None or not (number.isascii() and number.isdigit() and len(number) < 9):
            words = f"第 {line} 行读不懂。事项写入院登记、医保登记或查询，渠道写床旁、线上或窗口，件数写整数。"
            raise MalformedInput(words, details={"field": "file"})
        yield Count(said["period"], service, channel, int(number))


def _check(context: Context, one: Count) -> None:
    if first_and_last(one.period)[0] > context.clock.today():
        raise MalformedInput(f"{one.period} 还没有到。请写本月或以前的月份。", details={"field": "period"})
    if one.service not in REPORTED:
        raise MalformedInput(f"{one.service.label}由本程序自己数，不用登记。", details={"field": "service"})
    if not 0 <= one.number <= _MOST:
        raise MalformedInput("件数请写 0 到一千万的整数。", details={"field": one.channel.value})


def _write(work: UnitOfWork, one: Count, source: str) -> bool:
    standing = [
        row
        for row in store.newest(work.connection, work.institution_id, one.period, one.period)
        if (row.service, row.channel) == (one.service, one.channel)
    ]
    if standing and (standing[0].number, standing[0].source) == (one.number, source):
        return False
    values = {
        "period": one.period,
        "service": one.service.value,
        "channel": one.channel.value,
        "count_no": standing[0].count_no + 1 if standing else 1,
        "number": one.number,
        "source": source,
        "written_by": work.act.actor.actor_id,
        "written_at": work.now,
    }
    store.add(work.connection, work.institution_id, values)
    return True
