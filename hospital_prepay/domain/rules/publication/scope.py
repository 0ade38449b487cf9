"""Whom the Guizhou rules bind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hospital_prepay.domain.clauses import implements


class Ownership(StrEnum):
    """Who runs the institution."""

    PUBLIC = "public"
    PRIVATE = "private"
    MILITARY = "military"


class Binding(StrEnum):
    """How far the rules reach an institution."""

    BOUND = "bound"
    BY_REFERENCE = "by_reference"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Profile:
    """The two facts that decide: who runs it, and whether it is designated for medical insurance."""

    ownership: Ownership
    is_designated: bool


@implements("guizhou-deposit-2025/2")
def binding(profile: Profile) -> Binding:
    """Public and designated institutions are bound, other private ones may follow, military ones stand apart."""
    if profile.ownership is Ownership.MILITARY:
        return Binding.APART
    if profile.ownership is Ownership.PUBLIC or profile.is_designated:
        return Binding.BOUND
    return Binding.BY_REFERENCE
