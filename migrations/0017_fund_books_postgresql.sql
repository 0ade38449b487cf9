-- What an entry of the restricted fund may touch, and when what is owed may rise. Beside the lock of 0007 and 0010: an
-- entry with a restricted line has no line but bank, supplier, receivable from the insurance, and the grant's own (and
-- a claim on members, as far as what they hold falls with it);
-- what is owed rises once, by the approved sum, with restricted money coming in; nothing is handed on to members while
-- a ground of recall stands.
ALTER FUNCTION fund_lines_stand(text, bigint, text, text, bigint, text) RENAME TO fund_lines_match;

CREATE FUNCTION fund_lines_stand(
  p_institution text, p_entry bigint, p_kind text, p_source text, p_reverses bigint, p_fund text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT fund_lines_match(p_institution, p_entry, p_kind, p_source, p_reverses, p_fund)
    AND (e.restricted = 0 OR (e.other = 0 AND (e.supplier = 0 OR e.owed = 0) AND (e.claims = 0 OR e.lent <= 0)))
    AND (q.rise <= 0 OR (q.inflow >= q.rise AND EXISTS (
      SELECT 1 FROM fund_grant g JOIN ledger_account o
        ON o.institution_id = g.institution_id AND o.account_id = '23050101:' || g.grant_id
      WHERE g.institution_id = p_institution AND g.grant_id = p_fund AND g.state = 'approved'
        AND g.approved_fen = q.rise AND o.balance_fen = q.rise)))
    AND (q.lent <= 0 OR NOT EXISTS (
      SELECT 1 FROM fund_grant g JOIN fund_recall r
        ON r.institution_id = g.institution_id AND r.regime = g.regime AND r.state = 'standing'
      WHERE g.institution_id = p_institution AND g.grant_id = p_fund))
  FROM (
    SELECT count(*) FILTER (WHERE a.fund <> '') AS restricted,
      count(*) FILTER (WHERE a.subject = '2302') AS supplier,
      count(*) FILTER (WHERE a.subject = '23050101') AS owed,
      count(*) FILTER (WHERE a.subject NOT IN ('1002', '2302', '12120201', '23050101', '1218')) AS other,
      count(*) FILTER (WHERE a.subject = '1218' AND a.fund = '') AS claims,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.subject = '1218'), 0) AS lent
    FROM ledger_posting l JOIN ledger_account a USING (institution_id, account_id)
    WHERE l.institution_id = p_institution AND l.entry_no = p_entry) e,
    (SELECT coalesce(sum(l.debit_fen - l.credit_fen)
        FILTER (WHERE a.fund <> '' AND a.subject IN ('1002', '1218')), 0) AS inflow,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.fund <> '' AND a.subject = '1218'), 0) AS lent,
      coalesce(sum(l.credit_fen - l.debit_fen) FILTER (WHERE a.fund <> '' AND a.subject = '23050101'), 0) AS rise
    FROM ledger_posting l JOIN ledger_account a USING (institution_id, account_id)
    WHERE l.institution_id = p_institution AND l.entry_no = p_entry AND l.fund = p_fund) q
$$;

-- Whoever takes a second step is somebody of the institution and not the first in other letters (second_person, 0005).
CREATE TRIGGER fund_recall_ended_by_another BEFORE UPDATE OF ended_by ON fund_recall
  FOR EACH ROW WHEN (NEW.state = 'lifted') EXECUTE FUNCTION second_person('ended_by', 'recorded_by');
CREATE TRIGGER fund_incident_decided_by_another BEFORE UPDATE OF decided_by ON fund_incident
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'recorded_by');
CREATE TRIGGER fund_place_decided_by_another BEFORE UPDATE OF decided_by ON fund_place
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'proposed_by');
CREATE TRIGGER fund_distribution_decided_by_another BEFORE UPDATE OF decided_by ON fund_distribution
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'asked_by');

-- A payment may bounce after its invoices were recorded, too; the rest is as in 0007.
CREATE OR REPLACE FUNCTION fund_request_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state IN ('asked', 'refused') AND NEW.department_by IS NULL AND NEW.finance_by IS NULL
        AND NEW.paid_by IS NULL AND NEW.grounded_by IS NULL) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: fund_request' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('asked', 'department'), ('asked', 'rejected'), ('department', 'reserved'),
        ('department', 'rejected'), ('reserved', 'paid'), ('reserved', 'released'), ('paid', 'evidenced'),
        ('evidenced', 'released'),
        ('paid', 'released'))) IS NOT TRUE
    OR (NEW.institution_id, NEW.request_id, NEW.grant_id, NEW.payee_name, NEW.payee_credit_code, NEW.purpose,
        NEW.total_fen, NEW.decision_id, NEW.held, NEW.asked_by, NEW.asked_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.request_id, OLD.grant_id, OLD.payee_name, OLD.payee_credit_code, OLD.purpose,
        OLD.total_fen, OLD.decision_id, OLD.held, OLD.asked_by, OLD.asked_at)
    OR (OLD.department_by IS NOT NULL AND (NEW.department_by, NEW.ground, NEW.grounded_by)
        IS DISTINCT FROM (OLD.department_by, OLD.ground, OLD.grounded_by))
    OR (OLD.finance_by IS NOT NULL AND NEW.finance_by IS DISTINCT FROM OLD.finance_by)
    OR (OLD.paid_by IS NOT NULL AND (NEW.paid_by, NEW.bank_reference)
        IS DISTINCT FROM (OLD.paid_by, OLD.bank_reference))
    OR (NEW.state NOT IN ('rejected', 'released') AND (
        SELECT sum(l.amount_fen) = NEW.total_fen AND bool_and(l.outcome <> 'refused')
          AND bool_or(l.outcome = 'held') = NEW.held
        FROM fund_request_line l WHERE l.institution_id = NEW.institution_id AND l.request_id = NEW.request_id)
        IS NOT TRUE)
    OR (NEW.state = 'paid' AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.kind = 'fund_payment' AND e.source = 'fund_request:' || NEW.request_id)) THEN
    RAISE EXCEPTION 'wrong_step: fund_request' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
