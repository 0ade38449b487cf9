-- Likely same persons on SQLite: the same promises as beside it for PostgreSQL.
CREATE TRIGGER outpatient_likeness_insert BEFORE INSERT ON outpatient_likeness BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_likeness') WHERE (NEW.state = 'proposed' AND NEW.decided_by IS NULL
    AND NEW.from_person IS NULL AND NEW.to_person IS NULL AND NEW.first_no <> NEW.second_no) IS NOT 1
    OR EXISTS (SELECT 1 FROM outpatient_likeness l WHERE l.institution_id IS NEW.institution_id
      AND ((l.first_no IS NEW.first_no AND l.second_no IS NEW.second_no)
        OR (l.first_no IS NEW.second_no AND l.second_no IS NEW.first_no)));
END;

CREATE TRIGGER outpatient_likeness_walk BEFORE UPDATE ON outpatient_likeness BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_likeness') WHERE
    (OLD.state = 'proposed' AND NEW.state IN ('joined', 'apart')) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.first_no IS NOT OLD.first_no
    OR NEW.second_no IS NOT OLD.second_no OR NEW.likeness IS NOT OLD.likeness
    OR NEW.proposed_by IS NOT OLD.proposed_by OR NEW.proposed_at IS NOT OLD.proposed_at
    OR (NEW.decided_by <> NEW.proposed_by AND length(NEW.ground) > 0) IS NOT 1
    OR (NEW.state = 'joined' AND NOT EXISTS (
      SELECT 1 FROM outpatient_account a JOIN outpatient_account b ON b.institution_id = a.institution_id
      WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.first_no AND b.account_no = NEW.second_no
        AND a.person_id = NEW.to_person AND b.person_id = NEW.from_person));
END;

CREATE TRIGGER outpatient_likeness_no_delete BEFORE DELETE ON outpatient_likeness BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_likeness');
END;

CREATE TRIGGER outpatient_likeness_decided_by_not_proposed_by BEFORE UPDATE OF decided_by ON outpatient_likeness BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_likeness') WHERE NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.proposed_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
END;

CREATE TRIGGER outpatient_account_person BEFORE UPDATE OF person_id ON outpatient_account BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_account') WHERE NEW.person_id IS NOT OLD.person_id AND NOT EXISTS (
    SELECT 1 FROM outpatient_likeness l WHERE l.institution_id = NEW.institution_id AND l.state = 'joined'
      AND l.from_person = OLD.person_id AND l.to_person = NEW.person_id);
END;
