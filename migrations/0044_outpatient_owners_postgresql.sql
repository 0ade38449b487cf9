-- The holder of an account on PostgreSQL: asked by one person, decided by another, on record at once, and changed by
-- nothing else.
CREATE FUNCTION outpatient_owner_is_free(p_institution text, p_account text) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_account a LEFT JOIN outpatient_import i USING (institution_id, import_no)
    WHERE a.institution_id = p_institution AND a.account_no = p_account
      AND (a.import_no IS NULL OR i.state = 'booked') AND NOT EXISTS (SELECT 1 FROM outpatient_claim c
        WHERE c.institution_id = a.institution_id AND c.account_no = a.account_no
          AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')))
$$;
CREATE FUNCTION outpatient_owner_change_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  free text[] := ARRAY['state', 'decided_by', 'decided_at', 'answer'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
      FOR NO KEY UPDATE;
    IF (NEW.state = 'asked' AND NEW.decided_by IS NULL AND NEW.answer = ''
        AND NEW.change_no > coalesce((SELECT max(c.change_no) FROM outpatient_owner_change c
          WHERE c.institution_id = NEW.institution_id), 0)
        AND EXISTS (SELECT 1 FROM outpatient_account a
          WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
            AND (a.holder_name, a.personal, a.certno_hash, a.phone_hash, a.reach)
              = (NEW.old_name, NEW.old_personal, NEW.old_certno_hash, NEW.old_phone_hash, NEW.old_reach))
        AND outpatient_owner_is_free(NEW.institution_id, NEW.account_no)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_owner_change' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'asked' AND NEW.state IN ('approved', 'rejected') AND NEW.decided_at IS NOT NULL
      AND (NEW.state = 'rejected') = (length(trim(NEW.answer)) > 0)
      AND (to_jsonb(NEW) - free) = (to_jsonb(OLD) - free)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_owner_change' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_owner_change_walk BEFORE INSERT OR UPDATE ON outpatient_owner_change
  FOR EACH ROW EXECUTE FUNCTION outpatient_owner_change_walk();
CREATE TRIGGER outpatient_owner_change_by_another BEFORE UPDATE OF decided_by ON outpatient_owner_change
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'asked_by');

-- What two people agreed to is on record at once, by this alone: the program itself may not write these columns.
CREATE FUNCTION outpatient_owner_change_is_done() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  UPDATE outpatient_account SET holder_name = NEW.new_name, personal = NEW.new_personal,
    certno_hash = NEW.new_certno_hash, phone_hash = NEW.new_phone_hash, reach = NEW.new_reach
    WHERE institution_id = NEW.institution_id AND account_no = NEW.account_no;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_owner_change_is_done AFTER UPDATE OF state ON outpatient_owner_change
  FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION outpatient_owner_change_is_done();

-- Only the newest correction that was agreed to changes it, from what stood there to what was asked, while nobody
-- claims the account; a claim that is being written down holds the account, so that this waits and then sees it.
CREATE FUNCTION outpatient_account_owner() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF (SELECT (c.old_name, c.old_personal, c.old_certno_hash, c.old_phone_hash, c.old_reach)
          = (OLD.holder_name, OLD.personal, OLD.certno_hash, OLD.phone_hash, OLD.reach)
        AND (c.new_name, c.new_personal, c.new_certno_hash, c.new_phone_hash, c.new_reach)
          = (NEW.holder_name, NEW.personal, NEW.certno_hash, NEW.phone_hash, NEW.reach)
      FROM outpatient_owner_change c WHERE c.institution_id = OLD.institution_id AND c.account_no = OLD.account_no
        AND c.state = 'approved' ORDER BY c.change_no DESC LIMIT 1) IS NOT TRUE
    OR NOT outpatient_owner_is_free(OLD.institution_id, OLD.account_no) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_account_owner
  BEFORE UPDATE OF holder_name, personal, certno_hash, phone_hash, reach ON outpatient_account FOR EACH ROW
  WHEN ((NEW.holder_name, NEW.personal, NEW.certno_hash, NEW.phone_hash, NEW.reach)
    IS DISTINCT FROM (OLD.holder_name, OLD.personal, OLD.certno_hash, OLD.phone_hash, OLD.reach))
  EXECUTE FUNCTION outpatient_account_owner();

-- Whoever asked that a holder be corrected doesn't confirm a claim that came within thirty days of it.
CREATE FUNCTION outpatient_claim_owner() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_owner_change c WHERE c.institution_id = NEW.institution_id
      AND c.account_no = NEW.account_no AND c.state = 'approved'
      AND lower(trim(c.asked_by)) = lower(trim(NEW.confirmed_by))
      AND c.decided_at >= NEW.accepted_at - interval '30 days') THEN
    RAISE EXCEPTION 'second_person: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_owner BEFORE UPDATE OF confirmed_by ON outpatient_claim FOR EACH ROW
  WHEN (NEW.confirmed_by IS NOT NULL) EXECUTE FUNCTION outpatient_claim_owner();

-- A miscount that is turned down says why, from now on.
CREATE OR REPLACE FUNCTION outpatient_correction_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  free text[] := ARRAY['state', 'decided_by', 'decided_at', 'answer'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'asked' AND NEW.decided_by IS NULL AND NEW.answer = ''
        AND outpatient_may_be_corrected(NEW.institution_id, NEW.account_no)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_correction' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'asked' AND NEW.state IN ('approved', 'rejected')
      AND (NEW.state = 'rejected') = (length(trim(NEW.answer)) > 0)) IS NOT TRUE
    OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
    OR (NEW.state = 'approved' AND NOT outpatient_may_be_corrected(NEW.institution_id, NEW.account_no)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_correction' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
