-- A filing of kept kinds walks: proposed, approved by another, ended. A deposit is taken only while one is in force that
-- names its kind and stands posted in all three places.
CREATE FUNCTION outpatient_kept_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['state', 'decided_by', 'decided_at', 'ended_by', 'ended_at'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'proposed' AND num_nonnulls(NEW.decided_by, NEW.ended_by) = 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_kept' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('proposed', 'approved'), ('proposed', 'rejected'), ('approved', 'ended'))) IS NOT TRUE
    OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
    OR (OLD.decided_by IS NOT NULL AND NEW.decided_by IS DISTINCT FROM OLD.decided_by) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_kept' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_kept_walk BEFORE INSERT OR UPDATE ON outpatient_kept
  FOR EACH ROW EXECUTE FUNCTION outpatient_kept_walk();
CREATE FUNCTION outpatient_other_kind_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['state', 'decided_by', 'decided_at'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'proposed' AND NEW.decided_by IS NULL) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_other_kind' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'proposed' AND NEW.state IN ('approved', 'rejected')) IS NOT TRUE
    OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_other_kind' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_other_kind_walk BEFORE INSERT OR UPDATE ON outpatient_other_kind
  FOR EACH ROW EXECUTE FUNCTION outpatient_other_kind_walk();
CREATE FUNCTION outpatient_taken_gate() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM outpatient_kept k WHERE k.institution_id = NEW.institution_id
      AND k.filing_id = NEW.filing_id AND k.state = 'approved'
      AND EXISTS (SELECT 1 FROM jsonb_array_elements(k.kinds::jsonb) one WHERE one ->> 'code' = NEW.kept_kind)
      AND 3 = (SELECT count(*) FROM outpatient_posting p WHERE p.institution_id = k.institution_id
        AND p.filing_id = k.filing_id)) THEN
    RAISE EXCEPTION 'gate: outpatient_taken' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_taken_gate BEFORE INSERT ON outpatient_taken
  FOR EACH ROW EXECUTE FUNCTION outpatient_taken_gate();
CREATE TRIGGER outpatient_kept_is_kept BEFORE DELETE OR TRUNCATE ON outpatient_kept
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outpatient_other_kind_is_kept BEFORE DELETE OR TRUNCATE ON outpatient_other_kind
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outpatient_posting_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON outpatient_posting
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outpatient_kept_by_another BEFORE UPDATE OF decided_by ON outpatient_kept
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'proposed_by');
CREATE TRIGGER outpatient_other_kind_by_another BEFORE UPDATE OF decided_by ON outpatient_other_kind
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'proposed_by')
