-- The holder of an account on SQLite: the same promises as beside it for PostgreSQL.
CREATE TRIGGER outpatient_owner_change_insert BEFORE INSERT ON outpatient_owner_change BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_owner_change') WHERE (NEW.state = 'asked' AND NEW.decided_by IS NULL
    AND NEW.answer = '' AND NEW.change_no > coalesce((SELECT max(c.change_no) FROM outpatient_owner_change c
      WHERE c.institution_id = NEW.institution_id), 0)
    AND EXISTS (SELECT 1 FROM outpatient_account a LEFT JOIN outpatient_import i
        ON i.institution_id = a.institution_id AND i.import_no = a.import_no
      WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
        AND a.holder_name = NEW.old_name AND a.personal = NEW.old_personal AND a.certno_hash = NEW.old_certno_hash
        AND a.phone_hash = NEW.old_phone_hash AND a.reach = NEW.old_reach
        AND (a.import_no IS NULL OR i.state = 'booked') AND NOT EXISTS (SELECT 1 FROM outpatient_claim c
          WHERE c.institution_id = a.institution_id AND c.account_no = a.account_no
            AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')))) IS NOT 1;
END;

CREATE TRIGGER outpatient_owner_change_walk BEFORE UPDATE ON outpatient_owner_change BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_owner_change') WHERE
    (OLD.state = 'asked' AND NEW.state IN ('approved', 'rejected') AND NEW.decided_at IS NOT NULL
      AND (NEW.state = 'rejected') = (length(trim(NEW.answer)) > 0)) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.change_no IS NOT OLD.change_no
    OR NEW.account_no IS NOT OLD.account_no OR NEW.old_name IS NOT OLD.old_name OR NEW.new_name IS NOT OLD.new_name
    OR NEW.old_personal IS NOT OLD.old_personal OR NEW.new_personal IS NOT OLD.new_personal
    OR NEW.old_certno_hash IS NOT OLD.old_certno_hash OR NEW.new_certno_hash IS NOT OLD.new_certno_hash
    OR NEW.old_phone_hash IS NOT OLD.old_phone_hash OR NEW.new_phone_hash IS NOT OLD.new_phone_hash
    OR NEW.old_reach IS NOT OLD.old_reach OR NEW.new_reach IS NOT OLD.new_reach
    OR NEW.ground IS NOT OLD.ground OR NEW.paper IS NOT OLD.paper
    OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at;
  SELECT RAISE(ABORT, 'second_person: outpatient_owner_change') WHERE
    lower(trim(NEW.decided_by)) = lower(trim(NEW.asked_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by);
END;

-- What two people agreed to is on record at once, by this alone.
CREATE TRIGGER outpatient_owner_change_is_done AFTER UPDATE OF state ON outpatient_owner_change
  WHEN NEW.state = 'approved' BEGIN
  UPDATE outpatient_account SET holder_name = NEW.new_name, personal = NEW.new_personal,
    certno_hash = NEW.new_certno_hash, phone_hash = NEW.new_phone_hash, reach = NEW.new_reach
    WHERE institution_id = NEW.institution_id AND account_no = NEW.account_no;
END;

-- Only the newest correction that was agreed to changes it, from what stood there to what was asked, while nobody
-- claims the account.
CREATE TRIGGER outpatient_account_owner
  BEFORE UPDATE OF holder_name, personal, certno_hash, phone_hash, reach ON outpatient_account BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_account') WHERE (NEW.holder_name IS NOT OLD.holder_name
      OR NEW.personal IS NOT OLD.personal OR NEW.certno_hash IS NOT OLD.certno_hash
      OR NEW.phone_hash IS NOT OLD.phone_hash OR NEW.reach IS NOT OLD.reach)
    AND (NOT EXISTS (SELECT 1 FROM outpatient_owner_change c
        WHERE c.institution_id = OLD.institution_id AND c.change_no = (SELECT max(n.change_no)
            FROM outpatient_owner_change n WHERE n.institution_id = OLD.institution_id
              AND n.account_no = OLD.account_no AND n.state = 'approved')
          AND c.old_name = OLD.holder_name AND c.new_name = NEW.holder_name
          AND c.old_personal = OLD.personal AND c.new_personal = NEW.personal
          AND c.old_certno_hash = OLD.certno_hash AND c.new_certno_hash = NEW.certno_hash
          AND c.old_phone_hash = OLD.phone_hash AND c.new_phone_hash = NEW.phone_hash
          AND c.old_reach = OLD.reach AND c.new_reach = NEW.reach)
      OR EXISTS (SELECT 1 FROM outpatient_claim c
        WHERE c.institution_id = OLD.institution_id AND c.account_no = OLD.account_no
          AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')));
END;

-- Whoever asked that a holder be corrected doesn't confirm a claim that came within thirty days of it.
CREATE TRIGGER outpatient_claim_owner BEFORE UPDATE OF confirmed_by ON outpatient_claim BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_claim') WHERE NEW.confirmed_by IS NOT NULL AND EXISTS (
    SELECT 1 FROM outpatient_owner_change c WHERE c.institution_id = NEW.institution_id
      AND c.account_no = NEW.account_no AND c.state = 'approved'
      AND lower(trim(c.asked_by)) = lower(trim(NEW.confirmed_by))
      AND julianday(c.decided_at) >= julianday(NEW.accepted_at) - 30);
END;

-- A miscount that is turned down says why, from now on.
CREATE TRIGGER outpatient_correction_walk BEFORE UPDATE ON outpatient_correction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_correction') WHERE
    (OLD.state = 'asked' AND NEW.state IN ('approved', 'rejected')
      AND (NEW.state = 'rejected') = (length(trim(NEW.answer)) > 0)) IS NOT 1 OR NEW.decided_by IS NULL
    OR (NEW.state = 'approved' AND NOT EXISTS (SELECT 1 FROM outpatient_account a LEFT JOIN outpatient_import i
        ON i.institution_id = a.institution_id AND i.import_no = a.import_no
      WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no AND a.state IN ('open', 'refunded')
        AND (a.import_no IS NULL OR i.state = 'booked') AND NOT EXISTS (SELECT 1 FROM outpatient_claim c
          WHERE c.institution_id = a.institution_id AND c.account_no = a.account_no
            AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed'))))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.correction_id IS NOT OLD.correction_id OR
      NEW.account_no IS NOT OLD.account_no OR NEW.change_fen IS NOT OLD.change_fen OR NEW.ground IS NOT OLD.ground
      OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at;
END;
CREATE TRIGGER outpatient_correction_begins BEFORE INSERT ON outpatient_correction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_correction') WHERE NEW.answer IS NOT '';
END;
