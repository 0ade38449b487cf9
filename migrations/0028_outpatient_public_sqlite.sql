-- An application waits until a member of staff takes it up or declines it; versions of the announcement are kept: the
-- same promises as beside it for PostgreSQL.

CREATE TRIGGER outpatient_request_insert BEFORE INSERT ON outpatient_request BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_request') WHERE NEW.state IS NOT 'asked' OR NEW.decided_by IS NOT NULL
    OR NEW.decided_at IS NOT NULL OR NEW.claim_id IS NOT NULL OR NEW.ground IS NOT ''
    OR EXISTS (SELECT 1 FROM outpatient_request r
      WHERE r.institution_id IS NEW.institution_id AND r.request_id IS NEW.request_id);
END;

CREATE TRIGGER outpatient_request_walk BEFORE UPDATE ON outpatient_request BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_request') WHERE
    NOT (OLD.state = 'asked' AND NEW.state IN ('taken', 'declined'))
    OR NEW.institution_id IS NOT OLD.institution_id
    OR NEW.request_id IS NOT OLD.request_id
    OR NEW.request_no IS NOT OLD.request_no
    OR NEW.claimant IS NOT OLD.claimant
    OR NEW.card_lost IS NOT OLD.card_lost
    OR NEW.route IS NOT OLD.route
    OR NEW.personal IS NOT OLD.personal
    OR NEW.asked_at IS NOT OLD.asked_at
    OR (OLD.account_no IS NOT NULL AND NEW.account_no IS NOT OLD.account_no)
    OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by)
    OR (NEW.state = 'taken' AND NOT EXISTS (SELECT 1 FROM outpatient_claim c
      WHERE c.institution_id = NEW.institution_id AND c.claim_id = NEW.claim_id
        AND c.account_no = NEW.account_no AND c.taken_at = 'online' AND c.accepted_by = NEW.decided_by));
END;

CREATE TRIGGER outpatient_request_no_delete BEFORE DELETE ON outpatient_request BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_request');
END;

CREATE TRIGGER outpatient_notice_next BEFORE INSERT ON outpatient_notice BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_notice') WHERE NEW.version_no IS NOT (
    SELECT 1 + count(*) FROM outpatient_notice n WHERE n.institution_id = NEW.institution_id)
    OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.written_by);
END;

CREATE TRIGGER outpatient_notice_no_update BEFORE UPDATE ON outpatient_notice BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_notice');
END;

CREATE TRIGGER outpatient_notice_no_delete BEFORE DELETE ON outpatient_notice BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_notice');
END;
