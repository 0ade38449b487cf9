-- The register of members on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER fund_member_insert BEFORE INSERT ON fund_member BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_member') WHERE NEW.state IS NOT 'proposed' OR NEW.decided_by IS NOT NULL
    OR NEW.left_by IS NOT NULL
    OR NEW.member_no IS NOT (SELECT 1 + count(*) FROM fund_member m WHERE m.institution_id = NEW.institution_id)
    OR NEW.member_code <> upper(replace(replace(replace(replace(NEW.member_code, ' ', ''), '-', ''), '.', ''), '/', ''));
  SELECT RAISE(ABORT, 'maker: fund_member') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.proposed_by);
END;

CREATE TRIGGER fund_member_walk BEFORE UPDATE ON fund_member BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_member') WHERE
    ((OLD.state = 'proposed' AND NEW.state IN ('confirmed', 'declined') AND NEW.left_by IS NULL)
      OR (OLD.state = 'confirmed' AND NEW.state = 'left' AND NEW.decided_by IS OLD.decided_by
        AND NEW.decided_at IS OLD.decided_at)) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.member_no IS NOT OLD.member_no
    OR NEW.member_code IS NOT OLD.member_code OR NEW.member_name IS NOT OLD.member_name
    OR NEW.account_no IS NOT OLD.account_no OR NEW.document IS NOT OLD.document
    OR NEW.proposed_by IS NOT OLD.proposed_by OR NEW.proposed_at IS NOT OLD.proposed_at;
  SELECT RAISE(ABORT, 'second_person: fund_member') WHERE OLD.state = 'proposed' AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.proposed_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
  SELECT RAISE(ABORT, 'maker: fund_member') WHERE NEW.state = 'left' AND NOT EXISTS (
    SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.left_by);
END;

-- A prepayment is handed on to the very row of the register that was named when it was asked for: a member that changed
-- its account stands in another.
CREATE TRIGGER fund_distribution_to_member BEFORE INSERT ON fund_distribution BEGIN
  SELECT RAISE(ABORT, 'not_a_member: fund_distribution') WHERE NOT EXISTS (
    SELECT 1 FROM fund_member m WHERE m.institution_id = NEW.institution_id AND m.member_no = NEW.member_no
      AND m.member_code = NEW.member_code AND m.member_name = NEW.member_name AND m.state = 'confirmed');
END;

CREATE TRIGGER fund_distribution_to_member_still BEFORE UPDATE ON fund_distribution BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution') WHERE NEW.member_no IS NOT OLD.member_no;
  SELECT RAISE(ABORT, 'not_a_member: fund_distribution') WHERE NEW.state = 'approved' AND NOT EXISTS (
    SELECT 1 FROM fund_member m WHERE m.institution_id = NEW.institution_id AND m.member_no = NEW.member_no
      AND m.member_code = NEW.member_code AND m.member_name = NEW.member_name AND m.state = 'confirmed');
  SELECT RAISE(ABORT, 'third_person: fund_distribution') WHERE NEW.state = 'approved' AND EXISTS (
    SELECT 1 FROM fund_member m WHERE m.institution_id = NEW.institution_id AND m.member_no = NEW.member_no
      AND lower(trim(NEW.asked_by)) IN (lower(trim(m.proposed_by)), lower(trim(m.decided_by)))
      AND lower(trim(NEW.decided_by)) IN (lower(trim(m.proposed_by)), lower(trim(m.decided_by))));
END;
