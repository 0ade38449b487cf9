-- What an entry of the restricted fund may touch, and when what is owed may rise. Beside the lock of 0007 and 0010: an
-- entry with a restricted line has no line but bank, supplier, receivable from the insurance, and the grant's own (and
-- a claim on members, as far as what they hold falls with it);
-- what is owed rises once, by the approved sum, with restricted money coming in; nothing is handed on to members while
-- a ground of recall stands.
CREATE TRIGGER ledger_entry_fund_touches BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM (
      SELECT sum(a.fund <> '') AS restricted,
        sum(a.subject = '2302') AS supplier,
        sum(a.subject = '23050101') AS owed,
        sum(a.subject NOT IN ('1002', '2302', '12120201', '23050101', '1218')) AS other,
        sum(a.subject = '1218' AND a.fund = '') AS claims,
        sum(CASE WHEN a.subject = '1218' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS lent
      FROM ledger_posting l JOIN ledger_account a
        ON a.institution_id = l.institution_id AND a.account_id = l.account_id
      WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no) q
    WHERE q.restricted > 0 AND (q.other > 0 OR (q.supplier > 0 AND q.owed > 0) OR (q.claims > 0 AND q.lent > 0)));
END;

CREATE TRIGGER ledger_entry_fund_rises BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM (
      SELECT l.fund,
        sum(CASE WHEN a.fund <> '' AND a.subject IN ('1002', '1218') THEN l.debit_fen - l.credit_fen ELSE 0 END)
          AS inflow,
        sum(CASE WHEN a.fund <> '' AND a.subject = '1218' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS lent,
        sum(CASE WHEN a.fund <> '' AND a.subject = '23050101' THEN l.credit_fen - l.debit_fen ELSE 0 END) AS rise
      FROM ledger_posting l JOIN ledger_account a
        ON a.institution_id = l.institution_id AND a.account_id = l.account_id
      WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.fund <> ''
      GROUP BY l.fund) q
    WHERE (q.rise > 0 AND (q.inflow < q.rise OR NOT EXISTS (
        SELECT 1 FROM fund_grant g JOIN ledger_account o
          ON o.institution_id = g.institution_id AND o.account_id = '23050101:' || g.grant_id
        WHERE g.institution_id = NEW.institution_id AND g.grant_id = q.fund AND g.state = 'approved'
          AND g.approved_fen = q.rise AND o.balance_fen = q.rise)))
      OR (q.lent > 0 AND EXISTS (
        SELECT 1 FROM fund_grant g JOIN fund_recall r
          ON r.institution_id = g.institution_id AND r.regime = g.regime AND r.state = 'standing'
        WHERE g.institution_id = NEW.institution_id AND g.grant_id = q.fund)));
END;

CREATE TRIGGER fund_recall_second_person BEFORE UPDATE OF ended_by ON fund_recall WHEN NEW.state = 'lifted' BEGIN
  SELECT RAISE(ABORT, 'second_person: fund_recall') WHERE NEW.ended_by IS NOT NULL AND (
    lower(trim(NEW.ended_by)) = lower(trim(NEW.recorded_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.ended_by));
END;

CREATE TRIGGER fund_incident_second_person BEFORE UPDATE OF decided_by ON fund_incident BEGIN
  SELECT RAISE(ABORT, 'second_person: fund_incident') WHERE NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.recorded_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
END;

CREATE TRIGGER fund_place_second_person BEFORE UPDATE OF decided_by ON fund_place BEGIN
  SELECT RAISE(ABORT, 'second_person: fund_place') WHERE NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.proposed_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
END;

CREATE TRIGGER fund_distribution_second_person BEFORE UPDATE OF decided_by ON fund_distribution BEGIN
  SELECT RAISE(ABORT, 'second_person: fund_distribution') WHERE NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.asked_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
END;

-- A payment may bounce after its invoices were recorded, too; the rest is as in 0007.
CREATE TRIGGER fund_request_walk BEFORE UPDATE ON fund_request BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_request') WHERE
    NOT ((OLD.state = 'asked' AND NEW.state IN ('department', 'rejected'))
      OR (OLD.state = 'department' AND NEW.state IN ('reserved', 'rejected'))
      OR (OLD.state = 'reserved' AND NEW.state IN ('paid', 'released'))
      OR (OLD.state = 'paid' AND NEW.state = 'evidenced')
      OR (OLD.state IN ('paid', 'evidenced') AND NEW.state = 'released'))
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
