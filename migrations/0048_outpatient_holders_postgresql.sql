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
