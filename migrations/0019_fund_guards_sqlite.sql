-- What an entry with a line of a grant must hold besides (the trigger takes in two of 0010 and 0017): a payment
-- takes only what was reserved, a payment is reversed only as one that bounced and under its own name, and while books
-- and requests of a grant disagree, nothing but what sets that right is booked on it.
CREATE TRIGGER ledger_entry_restricted BEFORE INSERT ON ledger_entry WHEN EXISTS (
  SELECT 1 FROM ledger_posting l WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
    AND l.fund <> '') BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE NEW.kind = 'fund_payment' AND EXISTS (
    SELECT 1 FROM ledger_posting l WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
      AND l.account_id = '1002:earmark:' || l.fund);
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM ledger_entry o WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no
      AND o.kind = 'fund_payment' AND (NEW.kind <> 'fund_payment_bounced' OR NEW.source <> o.source));
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM fund_not_walked n JOIN ledger_posting l ON l.institution_id = n.institution_id AND l.fund = n.grant_id
    WHERE n.institution_id = NEW.institution_id AND n.source <> NEW.source AND l.entry_no = NEW.entry_no);
END;

-- A request walks on only when its grant's books say the same: what is reserved is what reserved requests come to, a
-- paid one has its payment, and one that isn't paid, or no longer, has none.
CREATE TRIGGER fund_request_agrees BEFORE UPDATE OF state ON fund_request
  WHEN NEW.state IN ('reserved', 'paid', 'evidenced', 'released') BEGIN
  SELECT RAISE(ABORT, 'not_booked: fund_request') WHERE
    coalesce((SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = NEW.institution_id
      AND a.account_id = '1002:reserved:' || NEW.grant_id), 0)
    <> CASE NEW.state WHEN 'reserved' THEN NEW.total_fen ELSE 0 END
      + (SELECT coalesce(sum(r.total_fen), 0) FROM fund_request r WHERE r.institution_id = NEW.institution_id
        AND r.grant_id = NEW.grant_id AND r.state = 'reserved' AND r.request_id <> NEW.request_id)
    OR (NEW.state IN ('paid', 'evidenced')) <> EXISTS (
      SELECT 1 FROM ledger_entry p WHERE p.institution_id = NEW.institution_id AND p.kind = 'fund_payment'
        AND p.source = 'fund_request:' || NEW.request_id AND NOT EXISTS (SELECT 1 FROM ledger_entry b
          WHERE b.institution_id = p.institution_id AND b.reverses_no = p.entry_no))
    OR EXISTS (SELECT 1 FROM fund_not_walked n WHERE n.institution_id = NEW.institution_id
      AND n.grant_id = NEW.grant_id AND n.source <> 'fund_request:' || NEW.request_id);
END;

-- Only where the notice names a lead hospital is a prepayment handed on, and not to the house itself.
CREATE TRIGGER fund_distribution_lent BEFORE INSERT ON fund_distribution BEGIN
  SELECT RAISE(ABORT, 'no_lead_hospital: fund_distribution') WHERE NOT EXISTS (
    SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
      AND g.regime IN ('LEAD_HOSPITAL'))
    OR upper(trim(NEW.member_code)) = NEW.institution_id;
END;

-- Whoever checks a month is somebody of the house, and not who closed it in other letters or with blanks.
CREATE TRIGGER fund_period_step_second_person BEFORE INSERT ON fund_period_step WHEN NEW.step = 'checked' BEGIN
  SELECT RAISE(ABORT, 'second_person: fund_period_step') WHERE EXISTS (
    SELECT 1 FROM fund_period_step s WHERE s.institution_id = NEW.institution_id AND s.period = NEW.period
      AND s.step_no = NEW.step_no - 1 AND lower(trim(s.taken_by)) = lower(trim(NEW.taken_by)))
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.taken_by);
END;

-- The same for the document of an emergency: recorded by one, used by another.
CREATE TRIGGER fund_application_another BEFORE INSERT ON fund_application WHEN NEW.emergency_id IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'second_person: fund_application') WHERE EXISTS (
    SELECT 1 FROM fund_emergency e WHERE e.institution_id = NEW.institution_id AND e.emergency_id = NEW.emergency_id
      AND lower(trim(e.recorded_by)) = lower(trim(NEW.applied_by)))
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.applied_by);
END;

-- What a notice withholds stays withheld while its ground of recall stands.
CREATE TRIGGER fund_grant_while_recalled BEFORE UPDATE OF state ON fund_grant
  WHEN OLD.state = 'withheld' AND NEW.state = 'approved' BEGIN
  SELECT RAISE(ABORT, 'recall_stands: fund_grant') WHERE NEW.kind = 'basic' AND NEW.regime IN ('WITHHOLDING')
    AND EXISTS (SELECT 1 FROM fund_recall r WHERE r.institution_id = NEW.institution_id AND r.regime = NEW.regime
      AND r.state = 'standing');
END;

-- A run of totals is written behind them, and only with all of them: what its lines come to, to the fen. Nothing joins
-- it later.
CREATE TRIGGER fund_total_joins BEFORE INSERT ON fund_total BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_total') WHERE EXISTS (SELECT 1 FROM fund_total_run r
    WHERE r.institution_id = NEW.institution_id AND r.through_no >= NEW.through_no);
END;

CREATE TRIGGER fund_total_run_complete BEFORE INSERT ON fund_total_run BEGIN
  SELECT RAISE(ABORT, 'incomplete: fund_total_run') WHERE EXISTS (
    SELECT l.account_id, l.kind, l.month, l.category, sum(l.debit_fen), sum(l.credit_fen), count(*) FROM fund_line l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no > NEW.after_no AND l.entry_no <= NEW.through_no
    GROUP BY 1, 2, 3, 4
    EXCEPT SELECT t.account_id, t.kind, t.month, t.category, t.debit_fen, t.credit_fen, t.line_count FROM fund_total t
    WHERE t.institution_id = NEW.institution_id AND t.through_no = NEW.through_no)
  OR EXISTS (
    SELECT t.account_id, t.kind, t.month, t.category, t.debit_fen, t.credit_fen, t.line_count FROM fund_total t
    WHERE t.institution_id = NEW.institution_id AND t.through_no = NEW.through_no
    EXCEPT
    SELECT l.account_id, l.kind, l.month, l.category, sum(l.debit_fen), sum(l.credit_fen), count(*) FROM fund_line l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no > NEW.after_no AND l.entry_no <= NEW.through_no
    GROUP BY 1, 2, 3, 4);
END;
