-- An invoice proves lines of one request, each of them once: recorded again, in other letters or with blanks, dashes,
-- dots or strokes, it is the same supplier's same invoice. What bounced, was given back or was withdrawn frees it. Two
-- that come at the same moment wait for each other.
CREATE OR REPLACE FUNCTION fund_evidence_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  supplier text := (SELECT q.payee_credit_code FROM fund_request q
    WHERE q.institution_id = NEW.institution_id AND q.request_id = NEW.request_id);
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('fund_evidence:' || NEW.institution_id || ':' || supplier, 0));
  IF EXISTS (SELECT 1 FROM fund_request q
      JOIN fund_evidence_standing v ON v.institution_id = q.institution_id AND v.request_id = q.request_id
      WHERE q.institution_id = NEW.institution_id AND q.payee_credit_code = supplier
        AND q.state IN ('paid', 'evidenced') AND (q.request_id <> NEW.request_id OR v.line_no = NEW.line_no)
        AND upper(translate(v.invoice_no, ' -./', '')) = upper(translate(NEW.invoice_no, ' -./', ''))) THEN
    RAISE EXCEPTION 'invoice_used: fund_evidence' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;

-- Withdrawn is an invoice that is there, once, while its payment stands, by somebody of the house and with a ground.
-- Whoever records or withdraws invoices of a request at the same moment waits at its grant's lock.
CREATE FUNCTION fund_evidence_withdrawn_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM fund_grant g JOIN fund_request r USING (institution_id, grant_id)
    WHERE r.institution_id = NEW.institution_id AND r.request_id = NEW.request_id FOR UPDATE OF g;
  IF length(btrim(NEW.ground)) = 0 OR NOT EXISTS (
      SELECT 1 FROM fund_evidence v JOIN fund_request r USING (institution_id, request_id)
      WHERE v.institution_id = NEW.institution_id AND v.request_id = NEW.request_id AND v.line_no = NEW.line_no
        AND v.invoice_no = NEW.invoice_no AND v.attempt = NEW.attempt AND v.recorded_at <= NEW.withdrawn_at
        AND r.state IN ('paid', 'evidenced')) THEN
    RAISE EXCEPTION 'wrong_step: fund_evidence_withdrawn' USING ERRCODE = 'HP006';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.withdrawn_by) THEN
    RAISE EXCEPTION 'maker: fund_evidence_withdrawn' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_evidence_withdrawn_joins BEFORE INSERT ON fund_evidence_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_evidence_withdrawn_joins();

-- In the same step a request that was complete waits for its invoices again: none stands as complete that isn't.
CREATE FUNCTION fund_evidence_withdrawn_reopens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE fund_request SET state = 'paid' WHERE institution_id = NEW.institution_id
    AND request_id = NEW.request_id AND state = 'evidenced';
  RETURN NULL;
END $$;
CREATE TRIGGER fund_evidence_withdrawn_reopens AFTER INSERT ON fund_evidence_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_evidence_withdrawn_reopens();

-- As in 0008, but for a request that goes back to it: nothing is paid by that.
DROP TRIGGER fund_request_while_recalled ON fund_request;
CREATE TRIGGER fund_request_while_recalled BEFORE UPDATE ON fund_request FOR EACH ROW
  WHEN (NEW.state IN ('reserved', 'paid') AND NEW.state IS DISTINCT FROM OLD.state AND OLD.state <> 'evidenced')
  EXECUTE FUNCTION fund_request_while_recalled();

-- As in 0017; and a request is complete if and only if invoices that stand prove all of each line.
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
        ('evidenced', 'paid'), ('evidenced', 'released'),
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
        AND e.kind = 'fund_payment' AND e.source = 'fund_request:' || NEW.request_id))
    OR ('evidenced' IN (OLD.state, NEW.state) AND NEW.state IN ('paid', 'evidenced')
      AND (NEW.state = 'paid') <> EXISTS (SELECT 1 FROM fund_request_line l
        WHERE l.institution_id = NEW.institution_id AND l.request_id = NEW.request_id
          AND l.amount_fen > (SELECT coalesce(sum(v.amount_fen), 0) FROM fund_evidence_standing v
            WHERE v.institution_id = l.institution_id AND v.request_id = l.request_id
              AND v.line_no = l.line_no))) THEN
    RAISE EXCEPTION 'wrong_step: fund_request' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- As in 0021, and of what a member paid back of the claim on it, which carries no grant: its distribution names it.
CREATE OR REPLACE FUNCTION fund_correction_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id FOR UPDATE;
    IF NEW.state IS DISTINCT FROM 'asked' OR NEW.decided_by IS NOT NULL
      OR (length(NEW.ground) > 0 AND ((NEW.why = 'mistyped' AND NEW.value_on IS NULL)
        OR (NEW.why = 'sent_back' AND NEW.value_on IS NOT NULL AND length(NEW.bank_reference) > 0))) IS NOT TRUE
      OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.asked_by)
      OR NOT (EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_posting l
        ON l.institution_id = e.institution_id AND l.entry_no = e.entry_no AND l.fund = NEW.grant_id
        WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND (e.kind = 'fund_return'
          OR (NEW.why = 'mistyped' AND e.kind IN ('fund_receipt', 'fund_offset'))))
        OR (NEW.why = 'mistyped' AND EXISTS (SELECT 1 FROM ledger_entry e JOIN fund_distribution d
          ON d.institution_id = e.institution_id AND 'fund_distribution:' || d.distribution_id = e.source
          WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND e.kind = 'fund_claim_repaid'
            AND d.grant_id = NEW.grant_id)))
      OR EXISTS (SELECT 1 FROM fund_correction c WHERE c.institution_id = NEW.institution_id
        AND c.entry_no = NEW.entry_no AND c.state <> 'rejected') THEN
      RAISE EXCEPTION 'wrong_step: fund_correction' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'asked' AND NEW.state IN ('approved', 'rejected') AND NEW.decided_by IS NOT NULL
      AND NEW.decided_at IS NOT NULL) IS NOT TRUE
    OR (to_jsonb(NEW) - 'state' - 'decided_by' - 'decided_at')
      IS DISTINCT FROM (to_jsonb(OLD) - 'state' - 'decided_by' - 'decided_at') THEN
    RAISE EXCEPTION 'wrong_step: fund_correction' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- Such a repayment is mirrored by an approved correction and by nothing else. It touches no grant's accounts, so it
-- isn't among the lines that fund_lines_stand looks at.
CREATE FUNCTION fund_claim_corrects() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.kind = 'fund_claim_repaid_undone' OR EXISTS (SELECT 1 FROM ledger_entry o
      WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no AND o.kind = 'fund_claim_repaid'))
    AND fund_is_correction(NEW.institution_id, NEW.kind, NEW.source, NEW.reverses_no) IS NOT TRUE THEN
    RAISE EXCEPTION 'restricted: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_claim_corrects BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind = 'fund_claim_repaid_undone' OR NEW.reverses_no IS NOT NULL) EXECUTE FUNCTION fund_claim_corrects();
