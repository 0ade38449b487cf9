-- The restricted fund on SQLite: the same promises as beside it for PostgreSQL, as triggers of their own.

CREATE TRIGGER ledger_account_fund BEFORE INSERT ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE
    (NEW.fund <> '') IS NOT (NEW.account_id LIKE '1002:earmark:%' OR NEW.account_id LIKE '1002:reserved:%'
      OR NEW.account_id LIKE '23050101:%')
    OR (NEW.fund <> '' AND NOT (NEW.guarded AND NEW.ceiling_fen IS NULL
      AND NEW.account_id IN ('1002:earmark:' || NEW.fund, '1002:reserved:' || NEW.fund, '23050101:' || NEW.fund)
      AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
        AND g.grant_id = NEW.fund AND g.state = 'approved')));
END;

CREATE TRIGGER ledger_account_fund_stays BEFORE UPDATE OF fund ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account');
END;

CREATE TRIGGER ledger_posting_fund BEFORE INSERT ON ledger_posting BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_posting') WHERE EXISTS (
    SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id AND a.account_id = NEW.account_id
      AND (a.account_id = '23050101' OR (a.fund <> '' AND a.fund IS NOT NEW.fund)));
END;

-- Money of the earmark that goes out must be matched by what is owed falling, or by an approved request, once; money
-- that comes in, by what is owed rising. Afterwards no more is unspent than is owed. A red-letter entry mirrors one
-- that was checked; what then lies over may be let go.
CREATE TRIGGER ledger_entry_fund BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM (
      SELECT l.fund,
        sum(CASE WHEN a.fund <> '' AND a.subject = '1002' THEN l.credit_fen - l.debit_fen ELSE 0 END) AS outflow,
        sum(CASE WHEN a.fund <> '' AND a.subject = '23050101' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS fall,
        sum(CASE WHEN a.subject = '2302' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS paid,
        (SELECT coalesce(sum(b.balance_fen), 0) FROM ledger_account b WHERE b.institution_id = NEW.institution_id
          AND b.account_id IN ('1002:earmark:' || l.fund, '1002:reserved:' || l.fund)) AS unspent,
        (SELECT coalesce(sum(b.balance_fen), 0) FROM ledger_account b WHERE b.institution_id = NEW.institution_id
          AND b.account_id = '23050101:' || l.fund) AS owed
      FROM ledger_posting l JOIN ledger_account a
        ON a.institution_id = l.institution_id AND a.account_id = l.account_id
      WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.fund <> ''
      GROUP BY l.fund) q
    WHERE NOT ((q.outflow <= max(q.fall, 0) OR q.unspent >= q.owed OR (
        NEW.kind = 'fund_payment' AND NEW.reverses_no IS NULL AND q.fall = 0 AND q.paid = q.outflow AND EXISTS (
          SELECT 1 FROM fund_request r WHERE r.institution_id = NEW.institution_id
            AND 'fund_request:' || r.request_id = NEW.source AND r.grant_id = q.fund AND r.total_fen = q.outflow
            AND r.state = 'reserved')))
      AND (-q.outflow <= max(-q.fall, 0) OR NEW.reverses_no IS NOT NULL)
      AND (q.unspent <= q.owed OR NEW.reverses_no IS NOT NULL)));
END;

CREATE TRIGGER fund_grant_insert BEFORE INSERT ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE NEW.state IS NOT 'applied' OR NEW.recorded_by IS NOT NULL
    OR EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id IS NEW.institution_id
      AND (g.grant_id IS NEW.grant_id OR (g.regime IS NEW.regime AND g.pool_region IS NEW.pool_region
        AND g.fund IS NEW.fund AND g.year IS NEW.year AND g.kind IS NEW.kind)));
END;

CREATE TRIGGER fund_grant_walk BEFORE UPDATE ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE
    NOT ((OLD.state = 'applied' AND NEW.state IN ('approved', 'declined'))
      OR (OLD.state = 'approved' AND NEW.state IN ('withheld', 'received'))
      OR (OLD.state = 'withheld' AND NEW.state = 'approved') OR (OLD.state = 'received' AND NEW.state = 'cleared'))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.grant_id IS NOT OLD.grant_id
    OR NEW.regime IS NOT OLD.regime OR NEW.pool_region IS NOT OLD.pool_region OR NEW.fund IS NOT OLD.fund
    OR NEW.year IS NOT OLD.year OR NEW.kind IS NOT OLD.kind OR NEW.applied_fen IS NOT OLD.applied_fen
    OR NEW.decision_id IS NOT OLD.decision_id OR NEW.applied_by IS NOT OLD.applied_by
    OR NEW.applied_at IS NOT OLD.applied_at
    OR (OLD.state <> 'applied' AND (NEW.approved_fen IS NOT OLD.approved_fen
      OR NEW.approved_on IS NOT OLD.approved_on OR NEW.recorded_by IS NOT OLD.recorded_by))
    OR (NEW.state = 'cleared' AND EXISTS (SELECT 1 FROM ledger_account a
      WHERE a.institution_id = NEW.institution_id AND a.fund = NEW.grant_id AND a.balance_fen <> 0));
END;

CREATE TRIGGER fund_request_insert BEFORE INSERT ON fund_request BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_request') WHERE NEW.state NOT IN ('asked', 'refused')
    OR NEW.department_by IS NOT NULL OR NEW.finance_by IS NOT NULL OR NEW.paid_by IS NOT NULL
    OR NEW.grounded_by IS NOT NULL
    OR EXISTS (SELECT 1 FROM fund_request r WHERE r.institution_id IS NEW.institution_id
      AND r.request_id IS NEW.request_id);
END;

CREATE TRIGGER fund_request_walk BEFORE UPDATE ON fund_request BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_request') WHERE
    NOT ((OLD.state = 'asked' AND NEW.state IN ('department', 'rejected'))
      OR (OLD.state = 'department' AND NEW.state IN ('reserved', 'rejected'))
      OR (OLD.state = 'reserved' AND NEW.state IN ('paid', 'released'))
      OR (OLD.state = 'paid' AND NEW.state IN ('evidenced', 'released')))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.request_id IS NOT OLD.request_id
    OR NEW.grant_id IS NOT OLD.grant_id OR NEW.payee_name IS NOT OLD.payee_name
    OR NEW.payee_credit_code IS NOT OLD.payee_credit_code OR NEW.purpose IS NOT OLD.purpose
    OR NEW.total_fen IS NOT OLD.total_fen OR NEW.decision_id IS NOT OLD.decision_id OR NEW.held IS NOT OLD.held
    OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at
    OR (OLD.department_by IS NOT NULL AND (NEW.department_by IS NOT OLD.department_by
      OR NEW.ground IS NOT OLD.ground OR NEW.grounded_by IS NOT OLD.grounded_by))
    OR (OLD.finance_by IS NOT NULL AND NEW.finance_by IS NOT OLD.finance_by)
    OR (OLD.paid_by IS NOT NULL AND (NEW.paid_by IS NOT OLD.paid_by
      OR NEW.bank_reference IS NOT OLD.bank_reference))
    OR (NEW.state NOT IN ('rejected', 'released') AND (
      SELECT sum(l.amount_fen) = NEW.total_fen AND min(l.outcome <> 'refused') = 1
        AND max(l.outcome = 'held') = NEW.held
      FROM fund_request_line l WHERE l.institution_id = NEW.institution_id AND l.request_id = NEW.request_id)
      IS NOT 1)
    OR (NEW.state = 'paid' AND NOT EXISTS (SELECT 1 FROM ledger_entry e
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_payment'
        AND e.source = 'fund_request:' || NEW.request_id));
END;

CREATE TRIGGER fund_request_line_insert BEFORE INSERT ON fund_request_line BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_request_line') WHERE NOT EXISTS (
    SELECT 1 FROM fund_request r WHERE r.institution_id = NEW.institution_id AND r.request_id = NEW.request_id
      AND r.state IN ('asked', 'refused') AND r.department_by IS NULL)
    OR EXISTS (SELECT 1 FROM fund_request_line l WHERE l.institution_id IS NEW.institution_id
      AND l.request_id IS NEW.request_id AND l.line_no IS NEW.line_no);
END;

CREATE TRIGGER fund_evidence_insert BEFORE INSERT ON fund_evidence BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_evidence') WHERE NOT EXISTS (
    SELECT 1 FROM fund_request r WHERE r.institution_id = NEW.institution_id AND r.request_id = NEW.request_id
      AND r.state IN ('paid', 'evidenced'))
    OR EXISTS (SELECT 1 FROM fund_evidence v WHERE v.institution_id IS NEW.institution_id
      AND v.request_id IS NEW.request_id AND v.line_no IS NEW.line_no AND v.invoice_no IS NEW.invoice_no);
END;
