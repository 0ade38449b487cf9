-- Likely same persons on PostgreSQL: a pair is proposed once, decided once by another, and an account changes its
-- person only as a joined pair says.
CREATE FUNCTION outpatient_likeness_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['state', 'decided_by', 'decided_at', 'ground', 'from_person', 'to_person'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'proposed' AND num_nonnulls(NEW.decided_by, NEW.from_person, NEW.to_person) = 0
        AND NOT EXISTS (SELECT 1 FROM outpatient_likeness l WHERE l.institution_id = NEW.institution_id
          AND l.first_no = NEW.second_no AND l.second_no = NEW.first_no)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_likeness' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'proposed' AND NEW.state IN ('joined', 'apart')) IS NOT TRUE
    OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
    OR (NEW.state = 'joined' AND NOT EXISTS (
      SELECT 1 FROM outpatient_account a JOIN outpatient_account b USING (institution_id)
      WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.first_no AND b.account_no = NEW.second_no
        AND a.person_id = NEW.to_person AND b.person_id = NEW.from_person)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_likeness' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_likeness_walk BEFORE INSERT OR UPDATE ON outpatient_likeness
  FOR EACH ROW EXECUTE FUNCTION outpatient_likeness_walk();
CREATE TRIGGER outpatient_likeness_is_kept BEFORE DELETE OR TRUNCATE ON outpatient_likeness
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outpatient_likeness_by_another BEFORE UPDATE OF decided_by ON outpatient_likeness
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'proposed_by');

CREATE FUNCTION outpatient_account_person() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM outpatient_likeness l WHERE l.institution_id = NEW.institution_id
      AND l.state = 'joined' AND l.from_person = OLD.person_id AND l.to_person = NEW.person_id) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_account_person BEFORE UPDATE OF person_id ON outpatient_account
  FOR EACH ROW WHEN (NEW.person_id IS DISTINCT FROM OLD.person_id) EXECUTE FUNCTION outpatient_account_person()
