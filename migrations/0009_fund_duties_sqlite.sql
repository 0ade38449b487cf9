-- The duties of the restricted fund on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER fund_place_insert BEFORE INSERT ON fund_place BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_place') WHERE NEW.state IS NOT 'proposed' OR NEW.decided_by IS NOT NULL
    OR EXISTS (SELECT 1 FROM fund_place p WHERE p.institution_id IS NEW.institution_id
      AND p.place_no IS NEW.place_no);
END;

CREATE TRIGGER fund_place_walk BEFORE UPDATE ON fund_place BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_place') WHERE
    NOT (OLD.state = 'proposed' AND NEW.state IN ('confirmed', 'declined'))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.place_no IS NOT OLD.place_no
    OR NEW.regime IS NOT OLD.regime OR NEW.pool_region IS NOT OLD.pool_region
    OR NEW.from_year IS NOT OLD.from_year OR NEW.stands IS NOT OLD.stands
    OR NEW.proposed_by IS NOT OLD.proposed_by OR NEW.proposed_at IS NOT OLD.proposed_at;
END;

CREATE TRIGGER fund_duty_closure_insert BEFORE INSERT ON fund_duty_closure BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_duty_closure') WHERE NEW.step_no IS NOT (
    SELECT 1 + count(*) FROM fund_duty_closure c WHERE c.institution_id IS NEW.institution_id
      AND c.duty_key IS NEW.duty_key);
END;

CREATE TRIGGER fund_reminder_insert BEFORE INSERT ON fund_reminder BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_reminder') WHERE EXISTS (
    SELECT 1 FROM fund_reminder r WHERE r.institution_id IS NEW.institution_id AND r.duty_key IS NEW.duty_key
      AND r.stage IS NEW.stage);
END;

CREATE TRIGGER fund_account_check_insert BEFORE INSERT ON fund_account_check BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_account_check') WHERE EXISTS (
    SELECT 1 FROM fund_account_check c WHERE c.institution_id IS NEW.institution_id
      AND c.business_date IS NEW.business_date);
END;

CREATE TRIGGER fund_calendar_insert BEFORE INSERT ON fund_calendar BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_calendar') WHERE NEW.revoked_at IS NOT NULL
    OR EXISTS (SELECT 1 FROM fund_calendar c WHERE c.institution_id IS NEW.institution_id
      AND (c.token_hash IS NEW.token_hash OR (c.user_id IS NEW.user_id AND c.revoked_at IS NULL)));
END;

CREATE TRIGGER fund_calendar_walk BEFORE UPDATE ON fund_calendar BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_calendar') WHERE
    OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.token_hash IS NOT OLD.token_hash
    OR NEW.user_id IS NOT OLD.user_id OR NEW.made_at IS NOT OLD.made_at;
END;
