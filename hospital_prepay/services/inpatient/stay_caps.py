"""From a stay's placement to the cap that binds it: the facts, the decision, and the table it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from hospital_prepay.clock import local
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.rules.inpatient.deposits import (
    CapFacts,
    Circumstance,
    TableFacts,
    binding_facts,
    determine_cap,
)
from hospital_prepay.domain.rules.inpatient.similar import Step, TableCap, looked_at, similar_in_steps
from hospital_prepay.persistence import stays as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.queries import caps as queries
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.readings import reading_in_force


@dataclass(frozen=True, slots=True)
class Placement:
    """The disease and class a stay follows, and how it stands to article 17.

    ``similar_code`` counts in the circumstance ``similar`` only; ``similar_ground`` is the doctor's ground for one
    that stands outside the similar diseases found.
    """

    disease_code: str
    disease_name: str
    insured_class: str
    circumstance: str = Circumstance.PLAIN.value
    similar_code: str | None = None
    talk: str = ""
    similar_ground: str = ""

    @property
    def followed_class(self) -> str:
        """The class whose caps apply."""
        return "self_pay" if Circumstance(self.circumstance).takes_self_pay else self.insured_class

    @property
    def picked(self) -> str | None:
        """The similar disease that was picked for an unclear diagnosis (17.2); in no other case does one count."""
        return self.similar_code if self.circumstance == Circumstance.SIMILAR.value else None


@dataclass(frozen=True, slots=True)
class Days:
    """The days that choose a stay's tables."""

    admitted_on: date
    registered_on: date

    @classmethod
    def of(cls, admitted_at: datetime, registered_at: datetime) -> Days:
        """The days of two moments, in the hospital's time."""
        return cls(local(admitted_at).date(), local(registered_at).date())


@dataclass(frozen=True, slots=True)
class StayCapFound:
    """A cap's decision, the table it came from, and what the counter's stay keeps of it."""

    decision: Decision
    table_id: str | None
    unposted: bool
    is_named: bool


def says_something(text: str) -> bool:
    """Whether a talk, a ground or a stage was written down: a lone full stop tells nobody anything."""
    return any(sign.isalnum() for sign in text)


def named_as_catalogued(context: Context, institution_id: str, placement: Placement) -> Placement:
    """The placement with the catalogue's own name for a code it has: another system may call it anything."""
    with context.database.reading() as connection:
        name = queries.disease_name(connection, institution_id, placement.disease_code)
    return placement if name is None else replace(placement, disease_name=name)


def find_cap(
    connection: Connection, institution_id: str, placement: Placement, days: Days, rule_version: str
) -> StayCapFound:
    """Decide which cap binds a placement. Nothing is stored."""
    tables = _tables(connection, institution_id, days)
    facts = _facts(connection, institution_id, placement, tables)
    decision = determine_cap(facts, rule_version)
    bound = binding_facts(facts)
    return StayCapFound(
        decision=decision,
        table_id=next((one.table_id for one in tables if one.version_no == bound.table_version), None),
        unposted=bound.own is None or not bound.own.posted,
        is_named=bound.chosen is not None and bound.chosen.step == Step.NAMED.value,
    )


def similar_rows(
    connection: Connection, institution_id: str, disease_code: str, insured_class: str, days: Days
) -> tuple[TableCap, ...]:
    """What the table of the day of admission has of similar diseases, in all steps, nearest first."""
    tables = _tables(connection, institution_id, days)
    if not tables:
        return ()
    return _similar(connection, institution_id, tables[0], disease_code, insured_class)


def _tables(connection: Connection, institution_id: str, days: Days) -> list[store.TableInForce]:
    """The table of the day of admission, and that of the day of registration when it is another one."""
    table = store.table_in_force(connection, institution_id, days.admitted_on)
    if table is None:
        return []
    late = None
    if days.registered_on > days.admitted_on:
        late = store.table_in_force(connection, institution_id, days.registered_on)
    return [table] if late is None or late == table else [table, late]


def _facts(
    connection: Connection, institution_id: str, placement: Placement, tables: list[store.TableInForce]
) -> CapFacts:
    said = [_table_facts(connection, institution_id, placement, table) for table in tables]
    first = said[0] if said else None
    return CapFacts(
        disease_code=placement.disease_code,
        insured_class=placement.followed_class,
        circumstance=placement.circumstance,
        talk_recorded=says_something(placement.talk),
        table_version=first.table_version if first else None,
        own=first.own if first else None,
        similar=first.similar if first else (),
        chosen=first.chosen if first else None,
        ground_recorded=says_something(placement.similar_ground),
        reading=_reading(connection, institution_id),
        late=said[1] if len(said) > 1 else None,
    )


def _table_facts(
    connection: Connection, institution_id: str, placement: Placement, table: store.TableInForce
) -> TableFacts:
    """What one table says. Similar diseases are looked for only where one is needed."""
    code, insured_class = placement.disease_code, placement.followed_class
    own = next(iter(store.cap_rows(connection, institution_id, table.table_id, insured_class, code)), None)
    if placement.circumstance == Circumstance.SIMILAR.value:
        return TableFacts(table.version_no, own, (), _picked(connection, institution_id, placement, table))
    if own is not None and own.serves:
        return TableFacts(table.version_no, own)
    similar = _similar(connection, institution_id, table, code, insured_class)
    return TableFacts(table.version_no, own, looked_at(similar))


def _picked(
    connection: Connection, institution_id: str, placement: Placement, table: store.TableInForce
) -> TableCap | None:
    """The row of the disease picked, with the step that found it: one of the posted table, and never itself."""
    picked, insured_class = placement.picked, placement.followed_class
    if picked == placement.disease_code:
        return None
    similar = _similar(connection, institution_id, table, placement.disease_code, insured_class)
    found = next((row for row in similar if row.disease_code == picked), None)
    if found is None and picked is not None:
        for row in store.cap_rows(connection, institution_id, table.table_id, insured_class, picked):
            found = TableCap(row.disease_code, row.disease_name, row.cap_fen, row.posted, Step.NAMED.value)
    return found if found is not None and found.serves else None


def _similar(
    connection: Connection, institution_id: str, table: store.TableInForce, disease_code: str, insured_class: str
) -> tuple[TableCap, ...]:
    return similar_in_steps(
        disease_code,
        store.cap_rows(connection, institution_id, table.table_id, insured_class),
        store.similar_codes(connection, institution_id, disease_code),
        store.catalogues(connection, institution_id),
        _reading(connection, institution_id),
    )


def _reading(connection: Connection, institution_id: str) -> str:
    return str(reading_in_force(connection, institution_id, "similar_disease"))
