"""The hospital's own standards from before the rules were issued, which no cap may pass: article 12."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.caps import CellKey
from hospital_prepay.domain.rules.inpatient.readings import StandardScope

# Stands in place of a disease code for a standard that made no difference between diseases.
EVERY_DISEASE: Final = "*"
SINCE_EVER: Final = date.min


@dataclass(frozen=True, slots=True)
class EarlierStandard:
    """An amount that the hospital held to from a day on; ``SINCE_EVER`` when nobody wrote down the day."""

    disease_code: str
    insured_class: InsuredClass
    amount: Money
    in_force_from: date = SINCE_EVER

    @property
    def key(self) -> CellKey:
        """The cell it was made for."""
        return self.disease_code, self.insured_class


@implements("guizhou-deposit-2025/12")
def standards_before(every: Iterable[EarlierStandard], issued_on: date) -> tuple[EarlierStandard, ...]:
    """Of each disease and class the standard that was in force when the rules were issued.

    It began before ``issued_on``; of several the last one counts.
    """
    earlier = sorted((one for one in every if one.in_force_from < issued_on), key=lambda one: one.in_force_from)
    return tuple({one.key: one for one in earlier}.values())


@implements("guizhou-deposit-2025/12")
def binding_standard(
    own: EarlierStandard | None, uniform: EarlierStandard | None, scope: StandardScope
) -> EarlierStandard | None:
    """The standard that binds a cell: its own, or else the uniform one of its class where that is read so."""
    return uniform if own is None and scope is StandardScope.EVERY_DISEASE else own
