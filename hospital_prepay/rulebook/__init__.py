"""Dated rule files per instrument, their strict loader, and the index that joins clause, code and tests."""

from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.rulebook.model import Rulebook

__all__ = ["Rulebook", "load_rulebook"]
