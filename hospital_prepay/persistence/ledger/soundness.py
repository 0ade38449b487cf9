"""What must hold between tables, each as one question that names what breaks it."""

from __future__ import annotations

from itertools import islice
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import stay_account
from hospital_prepay.domain.ledger.verification import Finding, Kind
from hospital_prepay.persistence.ledger.fund_totals import wrong_runs
from hospital_prepay.persistence.ledger.outpatient_soundness import outpatients_unsound
from hospital_prepay.persistence.ledger.settlement_soundness import settlements_unsound
from hospital_prepay.persistence.ledger.slip_soundness import slips_unsound

# Findings of one kind beyond these say nothing new.
_MOST = 20

_UNSOUND = """
SELECT e.entry_no FROM ledger_entry e
WHERE e.institution_id = :i AND e.entry_no > :after AND e.entry_no <= :to AND (
  coalesce(e.line_count, -1) <> (SELECT count(*) FROM ledger_posting p
    WHERE p.institution_id = e.institution_id AND p.entry_no = e.entry_no)
  OR EXISTS (SELECT 1 FROM ledger_posting p
    WHERE p.institution_id = e.institution_id AND p.entry_no = e.entry_no
      AND (p.debit_fen >= 0 AND p.credit_fen >= 0 AND (p.debit_fen = 0) <> (p.credit_fen = 0)) IS NOT TRUE)
  OR EXISTS (SELECT 1 FROM ledger_posting p
    WHERE p.institution_id = e.institution_id AND p.entry_no = e.entry_no
    GROUP BY p.fund HAVING (sum(p.debit_fen) = sum(p.credit_fen)) IS NOT TRUE))
ORDER BY e.entry_no LIMIT :most
"""

_SUMS = """
SELECT p.account_id, sum(p.debit_fen) - sum(p.credit_fen) AS moved, count(*) AS line_count
FROM ledger_posting p WHERE p.institution_id = :i GROUP BY p.account_id
"""

_ACCOUNTS = """
SELECT a.account_id, a.normal_side, a.guarded, a.balance_fen FROM ledger_account a
WHERE a.institution_id = :i ORDER BY a.account_id
"""

_ORPHANS = """
SELECT DISTINCT p.entry_no FROM ledger_posting p WHERE p.institution_id = :i AND NOT EXISTS (
  SELECT 1 FROM ledger_entry e WHERE e.institution_id = p.institution_id AND e.entry_no = p.entry_no)
ORDER BY p.entry_no LIMIT :most
"""

# What settlements took of a stay's deposits stays taken in its cap.
_CEILINGS = """
SELECT r.account_id FROM (SELECT a.account_id, a.guarded, a.ceiling_fen, coalesce((
    SELECT c.cap_fen FROM stay_cap c WHERE c.institution_id = a.institution_id
      AND c.stay_no = substr(a.account_id, 10) ORDER BY c.version_no DESC LIMIT 1), 0)
    - coalesce((SELECT sum(t.applied_fen) FROM settlement t WHERE t.institution_id = a.institution_id
      AND t.stay_no = substr(a.account_id, 10) AND t.recalled_at IS NULL), 0) AS room_fen
  FROM ledger_account a WHERE a.institution_id = :i AND a.subject = '23050103') r
WHERE (r.guarded AND r.ceiling_fen = CASE WHEN r.room_fen > 0 THEN r.room_fen ELSE 0 END) IS NOT TRUE
ORDER BY r.account_id LIMIT :most
"""

# Also those that share a decision: it gave one of them, at most.
_CAPS = """
SELECT c.stay_no, c.version_no FROM stay_cap c
LEFT JOIN decision d ON d.institution_id = c.institution_id AND d.decision_id = c.decision_id
WHERE c.institution_id = :i AND ((d.rule = 'inpatient.determine_cap'
  AND (d.outcome = 'permitted') = (c.cap_fen IS NOT NULL)
  AND (c.cap_fen IS NULL OR d.amount_fen = c.cap_fen)) IS NOT TRUE
  OR EXISTS (SELECT 1 FROM stay_cap o WHERE o.institution_id = c.institution_id AND o.decision_id = c.decision_id
    AND (o.stay_no <> c.stay_no OR o.version_no <> c.version_no)))
ORDER BY c.stay_no, c.version_no LIMIT :most
"""

_UNDATED = """
SELECT e.entry_no FROM ledger_entry e
WHERE e.institution_id = :i AND (e.occurred_at >= '2000-01-01' AND e.occurred_at < '2100-01-01'
  AND e.posted_at >= '2000-01-01' AND e.posted_at < '2100-01-01'
  AND e.effective_on >= '2000-01-01' AND e.effective_on < '2100-01-01') IS NOT TRUE
ORDER BY e.entry_no LIMIT :most
"""

_LOST = """
SELECT x.entry_no FROM (
  SELECT r.entry_no FROM receipt r WHERE r.institution_id = :i
  UNION SELECT v.entry_no FROM audit_event v WHERE v.institution_id = :i AND v.entry_no IS NOT NULL) x
WHERE NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = :i AND e.entry_no = x.entry_no)
ORDER BY x.entry_no LIMIT :most
"""


# What is owed on a refund that came back is the whole refund or nothing, and the refund still goes on; nothing else
# is kept in accounts of its own below the treasury's (2103) or others' (2307).
_OWED = """
SELECT a.account_id FROM ledger_account a
LEFT JOIN outpatient_claim c ON c.institution_id = a.institution_id AND c.claim_id = substr(a.account_id, 13)
WHERE a.institution_id = :i AND ((a.account_id >= '2307:' AND a.account_id < '2307;')
    OR (a.account_id >= '2103:' AND a.account_id < '2103;'))
  AND NOT (a.account_id >= '2307:stay:' AND a.account_id < '2307:stay;')
  AND (a.account_id >= '2307:refund:' AND a.account_id < '2307:refund;' AND a.guarded
    AND (c.remitted OR EXISTS (SELECT 1 FROM outpatient_account o WHERE o.institution_id = c.institution_id
      AND o.account_no = c.account_no AND o.state IN ('remitted', 'reclaimed')))
    AND (a.balance_fen = 0 OR (a.balance_fen = c.amount_fen
      AND c.state IN ('failed', 'accepted', 'reviewed', 'confirmed', 'sent')))) IS NOT TRUE
ORDER BY a.account_id LIMIT :most
"""


# What was paid too often is owed whole until it came back whole.
_OVERPAID = """
SELECT a.account_id FROM ledger_account a
LEFT JOIN outpatient_overpayment v ON v.institution_id = a.institution_id
  AND a.account_id = '1218:overpaid:' || v.claim_id || ':' || v.attempt_no
WHERE a.institution_id = :i AND a.account_id >= '1218:overpaid:' AND a.account_id < '1218:overpaid;'
  AND (a.guarded AND a.balance_fen = CASE v.state WHEN 'owed' THEN v.amount_fen ELSE 0 END
    AND v.claim_id IS NOT NULL) IS NOT TRUE
ORDER BY a.account_id LIMIT :most
"""


# What arrived stands in the books, and what was reversed came back.
_RETURNED = """
SELECT p.entry_no FROM outpatient_payout p JOIN ledger_entry r
  ON r.institution_id = p.institution_id AND r.reverses_no = p.entry_no
WHERE p.institution_id = :i AND p.state <> 'returned' ORDER BY p.entry_no LIMIT :most
"""


def unsound(connection: sa.Connection, institution_id: str, after: int, to: int) -> list[Finding]:
    """Entries whose lines are not what the header says, or not balanced within each fund."""
    where = {"i": institution_id, "after": after, "to": to}
    return [
        Finding(
            Kind.ENTRY_UNBALANCED,
            institution_id,
            f"凭证 {row.entry_no} 的分录不全或借贷不平。",
            entry_no=row.entry_no,
            last_no=row.entry_no,
        )
        for row in _ask(connection, _UNSOUND, where)
    ]


def across_tables(connection: sa.Connection, institution_id: str, lines_seen: int) -> list[Finding]:
    """Balances, ceilings, caps that no decision gave, totals that aren't sums, lines without a header, entries of no
    possible day, and entries that a receipt or an audit event names in vain.

    ``lines_seen`` is how many lines stand under a header; only when there are more are the others looked for.
    """
    where = {"i": institution_id}
    sums = {row.account_id: row for row in connection.execute(sa.text(_SUMS), where)}
    found = [_lost(institution_id, row.entry_no) for row in _ask(connection, _LOST, where)]
    if sum(row.line_count for row in sums.values()) != lines_seen:
        found += [_orphaned(institution_id, row.entry_no) for row in _ask(connection, _ORPHANS, where)]
    wrong = _wrong_balances(connection, where, sums)
    found += [_account(Kind.BALANCE_WRONG, institution_id, account, what) for account, what in wrong]
    found += [
        _account(Kind.CEILING_WRONG, institution_id, row.account_id, "可收额度与最新的限额记录不一致")
        for row in _ask(connection, _CEILINGS, where)
    ]
    found += [
        _account(Kind.BALANCE_WRONG, institution_id, row.account_id, "与它的退款不符：应是待再付的全额，或者是零")
        for row in _ask(connection, _OWED, where)
    ]
    found += settlements_unsound(connection, institution_id, _MOST)
    found += slips_unsound(connection, institution_id, _MOST)
    found += outpatients_unsound(connection, institution_id, _MOST)
    found += [
        _account(Kind.BALANCE_WRONG, institution_id, row.account_id, "与登记的多付不符：应是待追回的全额，或者是零")
        for row in _ask(connection, _OVERPAID, where)
    ]
    found += [
        Finding(
            Kind.BALANCE_WRONG,
            institution_id,
            f"凭证 {row.entry_no} 已冲销，它的退款却没有登记退回。",
            entry_no=row.entry_no,
            last_no=row.entry_no,
        )
        for row in _ask(connection, _RETURNED, where)
    ]
    found += [_undated(institution_id, row.entry_no) for row in _ask(connection, _UNDATED, where)]
    found += [_cap(institution_id, row.stay_no, row.version_no) for row in _ask(connection, _CAPS, where)]
    found += [_total(institution_id, *run) for run in islice(wrong_runs(connection, institution_id), _MOST)]
    return found


def _wrong_balances(connection: sa.Connection, where: dict[str, Any], sums: dict[str, Any]) -> list[tuple[str, str]]:
    """Accounts whose stored balance isn't the sum of their lines, and lines whose account isn't there."""
    wrong: list[tuple[str, str]] = []
    for account in connection.execution_options(yield_per=10_000).execute(sa.text(_ACCOUNTS), where):
        row = sums.pop(account.account_id, None)
        expected = account.normal_side * (row.moved if row else 0) if account.guarded else 0
        if account.balance_fen != expected or expected < 0:
            wrong.append((account.account_id, f"存着 {account.balance_fen} 分，按分录应为 {expected} 分"))
    wrong += [(account_id, "有分录却没有这个科目") for account_id in sums]
    return sorted(wrong)[:_MOST]


def _ask(connection: sa.Connection, question: str, where: dict[str, Any]) -> list[Any]:
    return list(connection.execute(sa.text(question), {**where, "most": _MOST}))


def _lost(institution_id: str, entry_no: int) -> Finding:
    message = f"凭证 {entry_no} 不见了，收据或操作记录里还写着它。"
    return Finding(Kind.ENTRY_LOST, institution_id, message, entry_no=entry_no, last_no=entry_no)


def _orphaned(institution_id: str, entry_no: int) -> Finding:
    message = f"有分录写着凭证 {entry_no}，但没有这张凭证。"
    return Finding(Kind.POSTING_ORPHANED, institution_id, message, entry_no=entry_no, last_no=entry_no)


def _undated(institution_id: str, entry_no: int) -> Finding:
    message = f"凭证 {entry_no} 的时间或日期不在 2000 年至 2099 年之间。"
    return Finding(Kind.ENTRY_UNDATED, institution_id, message, entry_no=entry_no, last_no=entry_no)


def _cap(institution_id: str, stay_no: str, version_no: int) -> Finding:
    message = f"住院号 {stay_no} 第 {version_no} 次定的额度与它的决定不一致。"
    return Finding(Kind.CAP_WRONG, institution_id, message, account_id=stay_account(stay_no))


def _total(institution_id: str, first_no: int, last_no: int) -> Finding:
    message = f"凭证 {first_no} 至 {last_no} 的预付金合计与分录不一致，使用报表不能采信。"
    return Finding(Kind.TOTAL_WRONG, institution_id, message, entry_no=first_no, last_no=last_no)


def _account(kind: Kind, institution_id: str, account_id: str, what: str) -> Finding:
    return Finding(kind, institution_id, f"科目 {account_id} {what}。", account_id=account_id)
