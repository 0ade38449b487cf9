-- Whoever asked for or agreed to a correction of a holder neither reviews nor confirms a claim that came after it: of a
-- name or a certificate number whenever it was, of a phone within thirty days.
CREATE OR REPLACE FUNCTION outpatient_claim_owner() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  steps text[] := ARRAY[
    CASE WHEN NEW.state = 'reviewed' OR NEW.reviewed_by IS DISTINCT FROM OLD.reviewed_by
      THEN lower(trim(NEW.reviewed_by)) END,
    CASE WHEN NEW.state = 'confirmed' OR NEW.confirmed_by IS DISTINCT FROM OLD.confirmed_by
      THEN lower(trim(NEW.confirmed_by)) END];
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_owner_change c WHERE c.institution_id = NEW.institution_id
      AND c.account_no = NEW.account_no AND c.state = 'approved'
      AND (lower(trim(c.asked_by)) = ANY (steps) OR lower(trim(c.decided_by)) = ANY (steps))
      AND (c.old_name <> c.new_name OR c.old_certno_hash <> c.new_certno_hash
        OR c.decided_at >= NEW.accepted_at - interval '30 days')) THEN
    RAISE EXCEPTION 'second_person: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER outpatient_claim_owner ON outpatient_claim;
CREATE TRIGGER outpatient_claim_owner BEFORE UPDATE ON outpatient_claim FOR EACH ROW
  WHEN (NEW.state IN ('reviewed', 'confirmed') OR NEW.reviewed_by IS DISTINCT FROM OLD.reviewed_by
    OR NEW.confirmed_by IS DISTINCT FROM OLD.confirmed_by)
  EXECUTE FUNCTION outpatient_claim_owner();

-- A slip of a deposit is named by its number, and proves one account: of claims that were turned down or taken back it
-- proved nothing. Two that come at once wait for each other.
CREATE FUNCTION outpatient_claim_paper_slip() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF (CASE WHEN NEW.kind = 'slip' THEN NEW.slip_key <> '' AND length(NEW.reference) <= 64
        AND NEW.slip_key = fund_plain_slip(NEW.reference) ELSE NEW.slip_key = '' END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim_paper' USING ERRCODE = 'HP006';
  END IF;
  IF NEW.kind = 'slip' THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('outpatient_proof:' || NEW.institution_id, 0));
    IF EXISTS (SELECT 1 FROM outpatient_claim_paper p JOIN outpatient_claim c USING (institution_id, claim_id)
        WHERE p.institution_id = NEW.institution_id AND p.slip_key = NEW.slip_key AND p.slip_key <> ''
          AND c.state NOT IN ('rejected', 'withdrawn')
          AND c.account_no IS DISTINCT FROM (SELECT o.account_no FROM outpatient_claim o
            WHERE o.institution_id = NEW.institution_id AND o.claim_id = NEW.claim_id)) THEN
      RAISE EXCEPTION 'slip_used: outpatient_claim_paper' USING ERRCODE = 'HP006';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_paper_slip BEFORE INSERT ON outpatient_claim_paper
  FOR EACH ROW EXECUTE FUNCTION outpatient_claim_paper_slip();

-- A correction of a holder is decided by somebody in service who may confirm, and not before it was asked.
CREATE FUNCTION outpatient_owner_change_decider() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.decided_by AND u.is_active AND strpos(u.roles, '"finance_approver"') > 0) THEN
    RAISE EXCEPTION 'second_person: outpatient_owner_change' USING ERRCODE = 'HP006';
  END IF;
  IF (NEW.decided_at >= NEW.asked_at) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_owner_change' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_owner_change_decider BEFORE UPDATE ON outpatient_owner_change
  FOR EACH ROW EXECUTE FUNCTION outpatient_owner_change_decider();
