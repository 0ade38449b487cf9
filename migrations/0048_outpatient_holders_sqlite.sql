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

-- A slip of a deposit is named by its number, and proves one account: of claims that were turned down or taken back it
-- proved nothing.
CREATE TRIGGER outpatient_claim_paper_slip BEFORE INSERT ON outpatient_claim_paper BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim_paper') WHERE (NEW.kind <> 'slip' AND NEW.slip_key <> '')
    OR (NEW.kind = 'slip' AND ((NEW.slip_key <> '' AND length(NEW.reference) <= 64
        AND NEW.slip_key NOT GLOB '*[^A-Z0-9]*') IS NOT 1 OR UNLIKE(NEW.reference, NEW.slip_key)));
  SELECT RAISE(ABORT, 'slip_used: outpatient_claim_paper') WHERE NEW.kind = 'slip' AND EXISTS (
    SELECT 1 FROM outpatient_claim_paper p JOIN outpatient_claim c
      ON c.institution_id = p.institution_id AND c.claim_id = p.claim_id
    WHERE p.institution_id = NEW.institution_id AND p.slip_key = NEW.slip_key AND p.slip_key <> ''
      AND c.state <> 'rejected' AND c.state <> 'withdrawn'
      AND c.account_no IS NOT (SELECT o.account_no FROM outpatient_claim o
        WHERE o.institution_id = NEW.institution_id AND o.claim_id = NEW.claim_id));
END;

-- A correction of a holder is decided by somebody in service who may confirm, and not before it was asked.
CREATE TRIGGER outpatient_owner_change_decider BEFORE UPDATE ON outpatient_owner_change BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_owner_change') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by AND u.is_active
      AND instr(u.roles, '"finance_approver"') > 0);
  SELECT RAISE(ABORT, 'wrong_step: outpatient_owner_change') WHERE
    (julianday(NEW.decided_at) >= julianday(NEW.asked_at)) IS NOT 1;
END;
