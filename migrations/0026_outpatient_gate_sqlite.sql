-- A filing of kept kinds walks, and a deposit is taken only while one is in force that names its kind and stands posted
-- in all three places: the same promises as beside it for PostgreSQL.

CREATE TRIGGER outpatient_kept_insert BEFORE INSERT ON outpatient_kept BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_kept') WHERE NEW.state IS NOT 'proposed' OR NEW.decided_by IS NOT NULL
    OR NEW.ended_by IS NOT NULL OR EXISTS (SELECT 1 FROM outpatient_kept k
      WHERE k.institution_id IS NEW.institution_id AND k.filing_id IS NEW.filing_id);
END;

CREATE TRIGGER outpatient_kept_walk BEFORE UPDATE ON outpatient_kept BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_kept') WHERE
    NOT ((OLD.state = 'proposed' AND NEW.state IN ('approved', 'rejected'))
      OR (OLD.state = 'approved' AND NEW.state = 'ended'))
    OR NEW.institution_id IS NOT OLD.institution_id
    OR NEW.filing_id IS NOT OLD.filing_id
    OR NEW.document IS NOT OLD.document
    OR NEW.authority IS NOT OLD.authority
    OR NEW.filed_on IS NOT OLD.filed_on
    OR NEW.kinds IS NOT OLD.kinds
    OR NEW.proposed_by IS NOT OLD.proposed_by
    OR NEW.proposed_at IS NOT OLD.proposed_at
    OR (OLD.decided_by IS NOT NULL AND NEW.decided_by IS NOT OLD.decided_by)
    OR (NEW.state = 'approved' AND EXISTS (SELECT 1 FROM outpatient_kept k
      WHERE k.institution_id = NEW.institution_id AND k.state = 'approved' AND k.filing_id <> NEW.filing_id));
END;

CREATE TRIGGER outpatient_other_kind_insert BEFORE INSERT ON outpatient_other_kind BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_other_kind') WHERE NEW.state IS NOT 'proposed'
    OR NEW.decided_by IS NOT NULL OR EXISTS (SELECT 1 FROM outpatient_other_kind k
      WHERE k.institution_id IS NEW.institution_id AND k.kind_id IS NEW.kind_id);
END;

CREATE TRIGGER outpatient_other_kind_walk BEFORE UPDATE ON outpatient_other_kind BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_other_kind') WHERE
    NOT (OLD.state = 'proposed' AND NEW.state IN ('approved', 'rejected'))
    OR NEW.institution_id IS NOT OLD.institution_id
    OR NEW.kind_id IS NOT OLD.kind_id
    OR NEW.label IS NOT OLD.label
    OR NEW.ground IS NOT OLD.ground
    OR NEW.proposed_by IS NOT OLD.proposed_by
    OR NEW.proposed_at IS NOT OLD.proposed_at;
END;

CREATE TRIGGER outpatient_taken_gate BEFORE INSERT ON outpatient_taken BEGIN
  SELECT RAISE(ABORT, 'gate: outpatient_taken') WHERE NOT EXISTS (
    SELECT 1 FROM outpatient_kept k WHERE k.institution_id = NEW.institution_id AND k.filing_id = NEW.filing_id
      AND k.state = 'approved'
      -- The kinds are canonical JSON, and a code has small letters, digits and underscores only.
      AND NEW.kept_kind NOT GLOB '*[^a-z0-9_]*' AND instr(k.kinds, '"code":"' || NEW.kept_kind || '"') > 0
      AND 3 = (SELECT count(*) FROM outpatient_posting p WHERE p.institution_id = k.institution_id
        AND p.filing_id = k.filing_id))
    OR EXISTS (SELECT 1 FROM outpatient_taken t WHERE t.institution_id IS NEW.institution_id
      AND t.taken_id IS NEW.taken_id);
END;

CREATE TRIGGER outpatient_kept_no_delete BEFORE DELETE ON outpatient_kept BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_kept');
END;

CREATE TRIGGER outpatient_other_kind_no_delete BEFORE DELETE ON outpatient_other_kind BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_other_kind');
END;

CREATE TRIGGER outpatient_posting_no_update BEFORE UPDATE ON outpatient_posting BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_posting');
END;

CREATE TRIGGER outpatient_posting_no_delete BEFORE DELETE ON outpatient_posting BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_posting');
END;

CREATE TRIGGER outpatient_posting_insert BEFORE INSERT ON outpatient_posting BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_posting') WHERE EXISTS (SELECT 1 FROM outpatient_posting p
    WHERE p.institution_id IS NEW.institution_id AND p.filing_id IS NEW.filing_id AND p.place IS NEW.place);
END;

CREATE TRIGGER outpatient_kept_by_another BEFORE UPDATE OF decided_by ON outpatient_kept BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_kept') WHERE NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.proposed_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
END;

CREATE TRIGGER outpatient_other_kind_by_another BEFORE UPDATE OF decided_by ON outpatient_other_kind BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_other_kind') WHERE NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.proposed_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
END;
