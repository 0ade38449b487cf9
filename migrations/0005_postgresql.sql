-- A cap is what its decision gave, and a decision gives one cap. Both may come in one statement, so the trigger looks
-- when it ends. Two rows for one decision wait for each other at its lock; a unique index would not take rows from
-- before that share one.
CREATE FUNCTION stay_cap_decided() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM decision d WHERE d.institution_id = NEW.institution_id AND d.decision_id = NEW.decision_id
    AND d.rule = 'inpatient.determine_cap'
    AND (d.outcome = 'permitted') = (NEW.cap_fen IS NOT NULL)
    AND (NEW.cap_fen IS NULL OR d.amount_fen = NEW.cap_fen)
    FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'cap_not_decided: stay_cap' USING ERRCODE = 'HP008';
  END IF;
  IF 1 < (SELECT count(*) FROM stay_cap c
      WHERE c.institution_id = NEW.institution_id AND c.decision_id = NEW.decision_id) THEN
    RAISE EXCEPTION 'decision_used: stay_cap' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER stay_cap_decided AFTER INSERT ON stay_cap FOR EACH ROW EXECUTE FUNCTION stay_cap_decided();

-- A decision that can't be read can't be computed again. What is no JSON at all fails in the cast.
ALTER TABLE decision
  ADD CONSTRAINT ck_decision__readable CHECK (json_typeof(reasons::json) = 'array'
    AND coalesce(json_typeof(reasons::json -> 0), 'object') = 'object'
    AND coalesce(json_typeof(reasons::json -> -1), 'object') = 'object'
    AND json_typeof(facts::json) = 'object' AND (readings IS NULL OR json_typeof(readings::json) = 'object')) NOT VALID,
  ADD CONSTRAINT ck_decision__dated CHECK (effective_on BETWEEN '2000-01-01' AND '2099-12-31'
    AND decided_at >= '2000-01-01T00:00:00Z' AND decided_at < '2100-01-01T00:00:00Z') NOT VALID;

-- No entry of another century, and none without an end: infinity lies beyond every day. Both posting functions write
-- here, and so would the owner.
ALTER TABLE ledger_entry ADD CONSTRAINT ck_ledger_entry__dated CHECK (
  occurred_at >= '2000-01-01T00:00:00Z' AND occurred_at < '2100-01-01T00:00:00Z'
  AND posted_at >= '2000-01-01T00:00:00Z' AND posted_at < '2100-01-01T00:00:00Z'
  AND effective_on BETWEEN '2000-01-01' AND '2099-12-31') NOT VALID;
