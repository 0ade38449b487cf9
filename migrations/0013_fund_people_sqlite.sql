-- Whoever takes a step of the restricted fund is somebody of the institution, and nobody of an earlier step in other
-- letters or with blanks.

CREATE TRIGGER fund_grant_people BEFORE UPDATE OF recorded_by ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'second_person: fund_grant') WHERE NEW.recorded_by IS NOT NULL AND (
    lower(trim(NEW.recorded_by)) = lower(trim(NEW.applied_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.recorded_by));
END;

CREATE TRIGGER fund_request_people BEFORE UPDATE OF department_by, grounded_by, finance_by, paid_by ON fund_request
BEGIN
  SELECT RAISE(ABORT, 'second_person: fund_request') WHERE
    lower(trim(NEW.department_by)) IS lower(trim(NEW.asked_by))
    OR (NEW.finance_by IS NOT NULL
      AND lower(trim(NEW.finance_by)) IN (lower(trim(NEW.asked_by)), lower(trim(NEW.department_by))))
    OR (NEW.paid_by IS NOT NULL AND lower(trim(NEW.paid_by)) IS lower(trim(NEW.finance_by)))
    OR EXISTS (
      SELECT 1 FROM (
        SELECT NEW.department_by AS who UNION ALL SELECT NEW.grounded_by UNION ALL SELECT NEW.finance_by
        UNION ALL SELECT NEW.paid_by) step
      WHERE step.who IS NOT NULL AND NOT EXISTS (SELECT 1 FROM staff_user u
        WHERE u.institution_id = NEW.institution_id AND u.user_id = step.who));
END;
