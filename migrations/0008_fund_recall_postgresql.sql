-- Recall on PostgreSQL: a ground that stands stops spending, whoever posts. It ends when everything is cleared, or by
-- another person than who recorded it.

CREATE FUNCTION fund_recall_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'standing' AND NEW.urged_on IS NULL AND NEW.ended_by IS NULL) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: fund_recall' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'standing' AND (
        (NEW.state = 'standing' AND OLD.urged_on IS NULL AND NEW.urged_on IS NOT NULL AND NEW.ended_by IS NULL)
        OR (NEW.state IN ('returned', 'lifted')
          AND (NEW.urged_on, NEW.urged_document, NEW.urged_by, NEW.urged_at) IS NOT DISTINCT FROM
              (OLD.urged_on, OLD.urged_document, OLD.urged_by, OLD.urged_at)))) IS NOT TRUE
    OR (NEW.institution_id, NEW.recall_id, NEW.regime, NEW.ground, NEW.clause, NEW.what, NEW.since_on, NEW.document,
        NEW.decision_id, NEW.recorded_by, NEW.recorded_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.recall_id, OLD.regime, OLD.ground, OLD.clause, OLD.what, OLD.since_on, OLD.document,
        OLD.decision_id, OLD.recorded_by, OLD.recorded_at)
    OR (NEW.state = 'returned' AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
        AND g.regime = NEW.regime AND g.state IN ('approved', 'withheld', 'received'))) THEN
    RAISE EXCEPTION 'wrong_step: fund_recall' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_recall_walk BEFORE INSERT OR UPDATE ON fund_recall
  FOR EACH ROW EXECUTE FUNCTION fund_recall_walk();

CREATE FUNCTION fund_recall_stands(p_institution text, p_grant text) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM fund_grant g
    JOIN fund_recall r ON r.institution_id = g.institution_id AND r.regime = g.regime AND r.state = 'standing'
    WHERE g.institution_id = p_institution AND g.grant_id = p_grant)
$$;

CREATE FUNCTION fund_request_while_recalled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF fund_recall_stands(NEW.institution_id, NEW.grant_id) THEN
    RAISE EXCEPTION 'recall_stands: fund_request' USING ERRCODE = 'HP009';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_request_while_recalled BEFORE UPDATE ON fund_request FOR EACH ROW
  WHEN (NEW.state IN ('reserved', 'paid') AND NEW.state IS DISTINCT FROM OLD.state)
  EXECUTE FUNCTION fund_request_while_recalled();

-- Money leaves the earmark only by a fund_payment that names its request (migration 0007): its grant is found by it.
CREATE FUNCTION fund_payment_while_recalled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fund_request q WHERE q.institution_id = NEW.institution_id
      AND 'fund_request:' || q.request_id = NEW.source AND fund_recall_stands(q.institution_id, q.grant_id)) THEN
    RAISE EXCEPTION 'recall_stands: ledger_entry' USING ERRCODE = 'HP009';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_payment_while_recalled BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind = 'fund_payment') EXECUTE FUNCTION fund_payment_while_recalled();

-- A loss is confirmed once the hospital's own money stands in for it.
CREATE FUNCTION fund_incident_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'recorded' AND NEW.decided_by IS NULL) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: fund_incident' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'recorded' AND NEW.state IN ('confirmed', 'rejected')) IS NOT TRUE
    OR (NEW.institution_id, NEW.incident_id, NEW.grant_id, NEW.amount_fen, NEW.found_on, NEW.what, NEW.persons,
        NEW.document, NEW.recorded_by, NEW.recorded_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.incident_id, OLD.grant_id, OLD.amount_fen, OLD.found_on, OLD.what, OLD.persons,
        OLD.document, OLD.recorded_by, OLD.recorded_at)
    OR (NEW.state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM ledger_entry e
        WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_loss'
          AND e.source = 'fund_incident:' || NEW.incident_id)) THEN
    RAISE EXCEPTION 'wrong_step: fund_incident' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_incident_walk BEFORE INSERT OR UPDATE ON fund_incident
  FOR EACH ROW EXECUTE FUNCTION fund_incident_walk();

-- A slip stands behind the entry of its own kind.
CREATE FUNCTION fund_bank_evidence_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
      AND e.entry_no = NEW.entry_no AND e.kind = NEW.kind) THEN
    RAISE EXCEPTION 'append_only: fund_bank_evidence' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_bank_evidence_joins BEFORE INSERT ON fund_bank_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_bank_evidence_joins();
