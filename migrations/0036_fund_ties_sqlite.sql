-- The same promises as beside it for PostgreSQL.

-- What a member gave back stands in its row first; its entry moves that sum, once, and no more than the member holds.
CREATE TRIGGER ledger_entry_member_return BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'fund_distribution_return' BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE NEW.line_count IS NOT 2 OR NOT EXISTS (
    SELECT 1 FROM fund_distribution_return r JOIN fund_distribution_sums d
        ON d.institution_id = r.institution_id AND d.distribution_id = r.distribution_id
      JOIN ledger_posting b ON b.institution_id = r.institution_id AND b.entry_no = NEW.entry_no
        AND b.account_id = '1002:earmark:' || d.grant_id AND b.debit_fen = r.amount_fen
      JOIN ledger_posting m ON m.institution_id = r.institution_id AND m.entry_no = NEW.entry_no
        AND m.account_id = '1218:distributed:' || d.grant_id AND m.credit_fen = r.amount_fen
    WHERE r.institution_id = NEW.institution_id AND NEW.source = 'fund_distribution:' || r.distribution_id
      AND NEW.idempotency_key = 'fund_distribution_return:' || r.distribution_id || ':' || r.return_no
      AND d.amount_fen >= r.amount_fen + d.returned_fen + d.used_fen);
END;

-- So does what it paid back of the claim on it.
CREATE TRIGGER ledger_entry_member_repays BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'fund_claim_repaid' BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE NEW.line_count IS NOT 2 OR NOT EXISTS (
    SELECT 1 FROM fund_claim_payment c
      JOIN ledger_posting b ON b.institution_id = c.institution_id AND b.entry_no = NEW.entry_no
        AND b.account_id = '1002' AND b.debit_fen = c.amount_fen
      JOIN ledger_posting m ON m.institution_id = c.institution_id AND m.entry_no = NEW.entry_no
        AND m.account_id = '1218' AND m.credit_fen = c.amount_fen
    WHERE c.institution_id = NEW.institution_id AND NEW.source = 'fund_distribution:' || c.distribution_id
      AND NEW.idempotency_key = 'fund_claim_repaid:' || c.distribution_id || ':' || c.payment_no);
END;

-- The slip behind either carries the row's number; by the slip a repayment counts, within the claim.
CREATE TRIGGER fund_bank_evidence_of_member BEFORE INSERT ON fund_bank_evidence
  WHEN NEW.kind IN ('fund_distribution_return', 'fund_claim_repaid') BEGIN
  SELECT RAISE(ABORT, 'slip: fund_bank_evidence') WHERE NOT EXISTS (
    SELECT 1 FROM ledger_entry e LEFT JOIN fund_distribution_return r ON r.institution_id = e.institution_id
        AND e.idempotency_key = 'fund_distribution_return:' || r.distribution_id || ':' || r.return_no
      LEFT JOIN fund_claim_payment c ON c.institution_id = e.institution_id
        AND e.idempotency_key = 'fund_claim_repaid:' || c.distribution_id || ':' || c.payment_no
    WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND e.kind = NEW.kind
      AND trim(coalesce(r.bank_reference, c.bank_reference)) = NEW.as_typed
      AND (NEW.kind = 'fund_distribution_return' OR EXISTS (
        SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = c.institution_id
          AND d.distribution_id = c.distribution_id AND d.used_fen >= c.amount_fen + d.repaid_fen
          AND (SELECT sum(o.repaid_fen) FROM fund_distribution_sums o WHERE o.institution_id = d.institution_id
              AND o.grant_id = d.grant_id) + c.amount_fen
            <= (SELECT coalesce(sum(l.debit_fen - l.credit_fen), 0) FROM ledger_posting l
              WHERE l.institution_id = d.institution_id AND l.account_id = '1218' AND l.fund = d.grant_id))));
END;

-- A reserve takes from the earmark; what members hold falls by what they gave back, or by a return in their place; and
-- what is owed falls by a return, an offset or the netting with a grant that arrives.
CREATE TRIGGER ledger_entry_fund_sources BEFORE INSERT ON ledger_entry WHEN EXISTS (
  SELECT 1 FROM ledger_posting l WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
    AND l.fund <> '') BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM (
      SELECT l.fund,
        sum(CASE l.account_id WHEN '1002:earmark:' || l.fund THEN l.credit_fen - l.debit_fen ELSE 0 END) AS taken,
        sum(CASE l.account_id WHEN '1002:reserved:' || l.fund THEN l.debit_fen - l.credit_fen ELSE 0 END) AS reserved,
        sum(CASE l.account_id WHEN '1218:distributed:' || l.fund THEN l.debit_fen - l.credit_fen ELSE 0 END) AS lent,
        sum(CASE l.account_id WHEN '23050101:' || l.fund THEN l.debit_fen - l.credit_fen ELSE 0 END) AS fall
      FROM ledger_posting l WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.fund <> ''
      GROUP BY l.fund) q
    WHERE (q.reserved > 0 AND NEW.reverses_no IS NULL AND (NEW.kind <> 'fund_reserve' OR q.taken <> q.reserved))
      OR (q.lent < 0 AND q.fall <= 0 AND NEW.kind <> 'fund_distribution_return')
      OR (q.fall > 0 AND NEW.reverses_no IS NULL AND NEW.kind NOT IN ('fund_return', 'fund_offset')
        AND NOT (NEW.kind = 'fund_netting' AND EXISTS (SELECT 1 FROM ledger_posting o
          WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.entry_no AND o.fund NOT IN ('', q.fund)
            AND o.account_id = '23050101:' || o.fund AND o.credit_fen > 0))));
END;

-- A return of the hospital or of a member has its slip before anything more is booked on its grant, and before that
-- walks on.
CREATE TRIGGER ledger_entry_after_its_slip BEFORE INSERT ON ledger_entry WHEN EXISTS (
  SELECT 1 FROM ledger_posting l WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
    AND l.fund <> '') BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM ledger_posting l JOIN fund_slip_due s ON s.institution_id = l.institution_id AND s.grant_id = l.fund
    WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no);
END;

CREATE TRIGGER fund_grant_after_its_slip BEFORE UPDATE OF state ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'slip: fund_grant') WHERE EXISTS (SELECT 1 FROM fund_slip_due s
    WHERE s.institution_id = NEW.institution_id AND s.grant_id = NEW.grant_id);
END;

-- A slip is kept as it was typed and compared by that number's letters A to Z and digits, full-width ones among them.
CREATE TRIGGER fund_bank_evidence_as_typed BEFORE INSERT ON fund_bank_evidence BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_bank_evidence') WHERE NEW.as_typed IS NULL OR length(NEW.as_typed) > 64
    OR (NEW.as_typed NOT GLOB '*[' || COMPOSED || ']*' AND NEW.reference IS NOT (
      SELECT group_concat(p.plain, '') FROM (
        SELECT upper(CASE WHEN unicode(s.sign) BETWEEN 65281 AND 65374 THEN char(unicode(s.sign) - 65248)
          ELSE s.sign END) AS plain FROM (
          SELECT substr(NEW.as_typed, a.column1 * 8 + b.column1 + 1, 1) AS sign
          FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7)) a, (VALUES (0), (1), (2), (3), (4), (5), (6), (7)) b
          ORDER BY a.column1, b.column1) s) p
      WHERE p.plain GLOB '[A-Z0-9]'));
END;

-- A ground says something, and an account has a digit or a letter.
CREATE TRIGGER fund_quiet_month_says BEFORE INSERT ON fund_quiet_month BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_quiet_month') WHERE UNSEEN(NEW.ground);
END;
CREATE TRIGGER fund_use_withdrawn_says BEFORE INSERT ON fund_use_withdrawn BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_use_withdrawn') WHERE UNSEEN(NEW.ground);
END;
CREATE TRIGGER fund_application_withdrawn_says BEFORE INSERT ON fund_application_withdrawn BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_application_withdrawn') WHERE UNSEEN(NEW.ground);
END;
CREATE TRIGGER fund_statement_withdrawn_says BEFORE INSERT ON fund_statement_withdrawn BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_statement_withdrawn') WHERE UNSEEN(NEW.ground);
END;
CREATE TRIGGER fund_evidence_withdrawn_says BEFORE INSERT ON fund_evidence_withdrawn BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_evidence_withdrawn') WHERE UNSEEN(NEW.ground);
END;
CREATE TRIGGER fund_member_left_says BEFORE UPDATE OF state ON fund_member WHEN NEW.state = 'left' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_member') WHERE UNSEEN(NEW.left_ground);
END;
CREATE TRIGGER fund_prepay_account_says BEFORE INSERT ON fund_prepay_account BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_prepay_account') WHERE UNSEEN(NEW.ground) OR (NEW.account GLOB '*[0-9A-Za-z'
    || char(65296) || '-' || char(65305, 65313) || '-' || char(65338, 65345) || '-' || char(65370) || ']*') IS NOT 1;
END;
CREATE TRIGGER fund_statement_account_says BEFORE INSERT ON fund_statement WHEN NEW.kind = 'bank' BEGIN
  SELECT RAISE(ABORT, 'account: fund_statement') WHERE (NEW.account GLOB '*[0-9A-Za-z'
    || char(65296) || '-' || char(65305, 65313) || '-' || char(65338, 65345) || '-' || char(65370) || ']*') IS NOT 1;
END;

-- A month without a line is a real one, and over when that is said.
CREATE TRIGGER fund_quiet_month_over BEFORE INSERT ON fund_quiet_month BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_quiet_month') WHERE (NEW.period GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]'
    AND substr(NEW.period, 6) BETWEEN '01' AND '12'
    AND NEW.period < strftime('%Y-%m', NEW.said_at, '+8 hours')) IS NOT 1;
END;

-- The walk as in 0033; what was taken back is neither approved nor declined by somebody, leaves nothing of an approval
-- behind, and is filed again by somebody of the house under a decision of its own.
CREATE TRIGGER fund_grant_walk BEFORE UPDATE ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE
    NOT ((OLD.state = 'applied' AND NEW.state IN ('approved', 'declined') AND CASE
        WHEN EXISTS (SELECT 1 FROM fund_application_withdrawn w WHERE w.institution_id = NEW.institution_id
          AND w.grant_id = NEW.grant_id AND w.decision_id = OLD.decision_id)
        THEN NEW.state = 'declined' AND NEW.recorded_by IS NULL AND NEW.recorded_at IS NULL
          AND NEW.approved_fen IS NULL AND NEW.approved_on IS NULL AND NEW.approval_document = ''
        ELSE NEW.state = 'approved' OR NEW.recorded_by IS NOT NULL END)
      OR (OLD.state = 'declined' AND NEW.state = 'applied' AND OLD.recorded_by IS NULL AND NEW.recorded_by IS NULL
        AND NEW.recorded_at IS NULL AND NEW.approved_fen IS NULL AND NEW.approved_on IS NULL
        AND NEW.approval_document = '' AND NEW.module_no = '' AND NEW.kind = 'basic'
        AND NEW.decision_id IS NOT OLD.decision_id AND NEW.applied_at >= OLD.applied_at)
      OR (OLD.state = 'approved' AND NEW.state IN ('withheld', 'received'))
      OR (OLD.state = 'withheld' AND NEW.state = 'approved') OR (OLD.state = 'received' AND NEW.state = 'cleared')
      OR (OLD.state = 'approved' AND NEW.state = 'applied' AND NEW.approved_fen IS NULL
        AND NEW.approved_on IS NULL AND NEW.recorded_by IS NULL AND NEW.recorded_at IS NULL
        AND NEW.approval_document = '' AND EXISTS (SELECT 1 FROM fund_approval_withdrawn w
          WHERE w.institution_id = NEW.institution_id AND w.grant_id = NEW.grant_id
            AND w.approved_fen = OLD.approved_fen AND w.recorded_by = OLD.recorded_by
            AND w.recorded_at = OLD.recorded_at))
      OR (OLD.state = 'received' AND NEW.state = 'approved' AND NOT EXISTS (SELECT 1 FROM ledger_account a
          WHERE a.institution_id = NEW.institution_id AND a.fund = NEW.grant_id AND a.balance_fen <> 0)
        AND (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
            AND e.kind = 'fund_receipt' AND e.source = 'grant:' || NEW.grant_id)
          = (SELECT count(*) FROM ledger_entry e JOIN fund_correction c ON c.institution_id = e.institution_id
            AND 'fund_correction:' || c.correction_id = e.source
            WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_receipt_undone'
              AND c.grant_id = NEW.grant_id))
      OR (OLD.state = 'cleared' AND NEW.state = 'received' AND NEW.cleared_at IS NULL
        AND EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
          AND a.account_id = '23050101:' || NEW.grant_id AND a.balance_fen > 0)))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.grant_id IS NOT OLD.grant_id
    OR NEW.regime IS NOT OLD.regime OR NEW.pool_region IS NOT OLD.pool_region OR NEW.fund IS NOT OLD.fund
    OR NEW.year IS NOT OLD.year OR NEW.kind IS NOT OLD.kind
    OR (OLD.state <> 'declined' AND (NEW.applied_fen IS NOT OLD.applied_fen
      OR NEW.decision_id IS NOT OLD.decision_id OR NEW.applied_by IS NOT OLD.applied_by
      OR NEW.applied_at IS NOT OLD.applied_at))
    OR (OLD.state <> 'applied' AND NEW.state <> 'applied' AND (NEW.approved_fen IS NOT OLD.approved_fen
      OR NEW.approved_on IS NOT OLD.approved_on OR NEW.recorded_by IS NOT OLD.recorded_by))
    OR (NEW.state = 'cleared' AND EXISTS (SELECT 1 FROM ledger_account a
      WHERE a.institution_id = NEW.institution_id AND a.fund = NEW.grant_id AND a.balance_fen <> 0));
END;

-- Filed again it is held to what a first application is: its year is open, nothing stands beside one for all funds, and
-- where the notice bars it nothing of an earlier year is owed.
CREATE TRIGGER fund_grant_filed_again BEFORE UPDATE ON fund_grant
  WHEN OLD.state = 'declined' AND NEW.state = 'applied' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE
    (NEW.year BETWEEN CAST(strftime('%Y', NEW.applied_at, '+8 hours') AS INTEGER)
      AND CAST(strftime('%Y', NEW.applied_at, '+8 hours') AS INTEGER)
        + (strftime('%m', NEW.applied_at, '+8 hours') = '12')) IS NOT 1
    OR NEW.applied_fen IS NULL OR NEW.applied_fen <= 0
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.applied_by)
    OR EXISTS (SELECT 1 FROM fund_application_withdrawn w WHERE w.institution_id = NEW.institution_id
      AND w.decision_id = NEW.decision_id)
    OR EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
      AND g.kind = NEW.kind AND g.year = NEW.year AND lower(g.pool_region) = lower(NEW.pool_region)
      AND g.grant_id <> NEW.grant_id AND g.state <> 'declined' AND 'all' IN (g.fund, NEW.fund))
    OR (NEW.regime IN ('xizang-prepay-2024', 'zhejiang-prepay-2025') AND EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
        AND g.kind = 'basic' AND g.state = 'received' AND g.year < NEW.year));
END;
