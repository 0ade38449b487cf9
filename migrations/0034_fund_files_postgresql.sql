-- Withdrawn once, by somebody of the house, with a ground; and never taken back: the file is imported again.
CREATE FUNCTION fund_statement_withdrawn_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.withdrawn_by) THEN
    RAISE EXCEPTION 'maker: fund_statement_withdrawn' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_statement_withdrawn_joins BEFORE INSERT ON fund_statement_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_statement_withdrawn_joins();

CREATE TRIGGER fund_statement_withdrawn_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON fund_statement_withdrawn
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
