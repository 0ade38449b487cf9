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

-- A second person is somebody of the institution, and not the first one in other letters or with blanks. The arguments
-- name the column of the second and of the first. Another system may decide about slips, too: the desk's interface
-- lets it.
CREATE FUNCTION second_person() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  person text := to_jsonb(NEW) ->> TG_ARGV[0];
  first_person text := to_jsonb(NEW) ->> TG_ARGV[1];
BEGIN
  IF person IS NOT NULL AND (lower(btrim(person)) = lower(btrim(first_person)) OR NOT (
      EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = person)
      OR TG_TABLE_NAME = 'slip_request' AND EXISTS (SELECT 1 FROM api_client c
        WHERE c.institution_id = NEW.institution_id AND c.client_id = person))) THEN
    RAISE EXCEPTION 'second_person: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cap_table_second_person BEFORE UPDATE OF approved_by ON cap_table
  FOR EACH ROW EXECUTE FUNCTION second_person('approved_by', 'measured_by');
CREATE TRIGGER deposit_rules_second_person BEFORE UPDATE OF approved_by ON deposit_rules
  FOR EACH ROW EXECUTE FUNCTION second_person('approved_by', 'written_by');
CREATE TRIGGER slip_request_second_person BEFORE UPDATE OF decided_by ON slip_request
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'requested_by');

-- Nothing begins approved.
CREATE FUNCTION refuse_begun() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'wrong_step: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
END $$;
CREATE TRIGGER cap_table_begins BEFORE INSERT ON cap_table FOR EACH ROW
  WHEN (num_nonnulls(NEW.approved_by, NEW.approved_at, NEW.rejected_by, NEW.published_by, NEW.published_at,
    NEW.effective_on, NEW.version_no) > 0) EXECUTE FUNCTION refuse_begun();
CREATE TRIGGER deposit_rules_begin BEFORE INSERT ON deposit_rules FOR EACH ROW
  WHEN (num_nonnulls(NEW.approved_by, NEW.approved_at) > 0) EXECUTE FUNCTION refuse_begun();
CREATE TRIGGER slip_request_begins BEFORE INSERT ON slip_request FOR EACH ROW
  WHEN (num_nonnulls(NEW.decided_by, NEW.decided_at, NEW.receipt_book, NEW.receipt_serial) > 0)
  EXECUTE FUNCTION refuse_begun();

-- An approved slip has its receipt.
CREATE FUNCTION slip_request_receipt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
    SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.book = NEW.receipt_book
      AND r.serial = NEW.receipt_serial AND r.kind = NEW.kind AND r.stay_no = NEW.stay_no
      AND r.amount_fen = NEW.amount_fen AND r.issued_by = NEW.requested_by AND r.approved_by = NEW.decided_by) THEN
    RAISE EXCEPTION 'wrong_step: slip_request' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER slip_request_receipt BEFORE UPDATE ON slip_request
  FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION slip_request_receipt();
