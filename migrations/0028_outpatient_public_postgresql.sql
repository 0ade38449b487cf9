-- An application waits until a member of staff takes it up by a claim of its own account, or declines it with a ground.
-- Nobody else can: what is asked on-line is no step of a claim.
CREATE FUNCTION outpatient_request_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['state', 'account_no', 'decided_by', 'decided_at', 'claim_id', 'ground'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'asked' AND num_nonnulls(NEW.decided_by, NEW.decided_at, NEW.claim_id) = 0
        AND NEW.ground = '') IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_request' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'asked' AND NEW.state IN ('taken', 'declined')) IS NOT TRUE
    OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
    OR (OLD.account_no IS NOT NULL AND NEW.account_no IS DISTINCT FROM OLD.account_no)
    OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by)
    OR (NEW.state = 'taken' AND NOT EXISTS (SELECT 1 FROM outpatient_claim c
      WHERE c.institution_id = NEW.institution_id AND c.claim_id = NEW.claim_id
        AND c.account_no = NEW.account_no AND c.taken_at = 'online' AND c.accepted_by = NEW.decided_by)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_request' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_request_walk BEFORE INSERT OR UPDATE ON outpatient_request
  FOR EACH ROW EXECUTE FUNCTION outpatient_request_walk();
CREATE TRIGGER outpatient_request_is_kept BEFORE DELETE OR TRUNCATE ON outpatient_request
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outpatient_notice_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON outpatient_notice
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION outpatient_notice_next() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.version_no IS DISTINCT FROM (SELECT 1 + count(*) FROM outpatient_notice n
      WHERE n.institution_id = NEW.institution_id)
    OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.written_by) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_notice' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_notice_next BEFORE INSERT ON outpatient_notice
  FOR EACH ROW EXECUTE FUNCTION outpatient_notice_next()
