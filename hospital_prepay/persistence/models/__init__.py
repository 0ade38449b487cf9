"""Mapped tables, a module per area. Importing this package fills ``Base.metadata``."""

from hospital_prepay.persistence.models import (
    access,
    audit,
    fund,
    fund_apply,
    fund_counted,
    fund_duties,
    fund_recall,
    fund_reconciliation,
    fund_reports,
    inpatient,
    ledger,
    outpatient,
    outpatient_claims,
    outpatient_escheat,
    outpatient_people,
    publication,
)
from hospital_prepay.persistence.models.base import Base

__all__ = [
    "Base",
    "access",
    "audit",
    "fund",
    "fund_apply",
    "fund_counted",
    "fund_duties",
    "fund_recall",
    "fund_reconciliation",
    "fund_reports",
    "inpatient",
    "ledger",
    "outpatient",
    "outpatient_claims",
    "outpatient_escheat",
    "outpatient_people",
    "publication",
]
