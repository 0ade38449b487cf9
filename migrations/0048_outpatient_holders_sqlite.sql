-- The same promises as beside it for PostgreSQL.

-- Whoever asked for or agreed to a correction of a holder neither reviews nor confirms a claim that came after it: of a
-- name or a certificate number whenever it was, of a phone within thirty days.
CREATE TRIGGER outpatient_claim_owner BEFORE UPDATE ON outpatient_claim
  WHEN NEW.state = 'reviewed' OR NEW.state = 'confirmed' OR NEW.reviewed_by IS NOT OLD.reviewed_by
    OR NEW.confirmed_by IS NOT OLD.confirmed_by BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_claim') WHERE EXISTS (
    SELECT 1 FROM outpatient_owner_change c WHERE c.institution_id = NEW.institution_id
      AND c.account_no = NEW.account_no AND c.state = 'approved'
      AND (((NEW.state = 'reviewed' OR NEW.reviewed_by IS NOT OLD.reviewed_by)
          AND (lower(trim(c.asked_by)) = lower(trim(NEW.reviewed_by))
            OR lower(trim(c.decided_by)) = lower(trim(NEW.reviewed_by))))
        OR ((NEW.state = 'confirmed' OR NEW.confirmed_by IS NOT OLD.confirmed_by)
          AND (lower(trim(c.asked_by)) = lower(trim(NEW.confirmed_by))
            OR lower(trim(c.decided_by)) = lower(trim(NEW.confirmed_by)))))
      AND (c.old_name <> c.new_name OR c.old_certno_hash <> c.new_certno_hash
        OR julianday(c.decided_at) >= julianday(NEW.accepted_at) - 30));
END;
