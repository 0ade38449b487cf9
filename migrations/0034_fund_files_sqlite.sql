-- Withdrawn once, by somebody of the house, with a ground; and never taken back: the file is imported again.
CREATE TRIGGER fund_statement_withdrawn_insert BEFORE INSERT ON fund_statement_withdrawn BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_statement_withdrawn') WHERE
    (length(trim(NEW.ground)) > 0) IS NOT 1
    OR NOT EXISTS (SELECT 1 FROM fund_statement s WHERE s.institution_id = NEW.institution_id
      AND s.statement_id = NEW.statement_id)
    OR EXISTS (SELECT 1 FROM fund_statement_withdrawn w WHERE w.institution_id IS NEW.institution_id
      AND w.statement_id IS NEW.statement_id);
  SELECT RAISE(ABORT, 'maker: fund_statement_withdrawn') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.withdrawn_by);
END;

CREATE TRIGGER fund_statement_withdrawn_no_update BEFORE UPDATE ON fund_statement_withdrawn BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_statement_withdrawn');
END;

CREATE TRIGGER fund_statement_withdrawn_no_delete BEFORE DELETE ON fund_statement_withdrawn BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_statement_withdrawn');
END;
