"""Statements of bank, agency and hospital as a test writes them, taken in as an officer would."""

from __future__ import annotations

from pathlib import Path

from hospital_prepay.domain.access import Actor
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.statements import Imported, ImportStatement, import_statement, look_at

# The account on which a test's prepayments lie, unless it says otherwise.
ACCOUNT = "2705 0001 2010 9000 1234"
_HEADS = {
    StatementKind.BANK: "交易日期,贷方发生额,借方发生额,余额,对方户名,摘要,流水号",
    StatementKind.AGENCY: "业务日期,业务类型,险种,金额,预付金余额,业务流水号,备注",
    StatementKind.TOTALS: "项目,期末余额",
}


def take(
    context: Context,
    who: Actor,
    folder: Path,
    kind: StatementKind,
    period: str,
    *lines: str,
    head: str = "",
    account: str = ACCOUNT,
) -> Imported:
    """Import a file of these lines for ``period``, its columns as they are guessed."""
    path = folder / f"{kind.value}-{period}-{len(list(folder.iterdir()))}.csv"
    path.write_text("\n".join((head or _HEADS[kind], *lines)) + "\n", "utf-8")
    columns = look_at(context, who, kind, path).columns
    return import_statement(context, who, ImportStatement(kind, period, path, path.name, columns, account=account))
