-- A run of totals follows the last one and covers sealed entries only.
CREATE FUNCTION fund_total_run_follows() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.after_no = (SELECT coalesce(max(r.through_no), 0) FROM fund_total_run r
        WHERE r.institution_id = NEW.institution_id)
      AND NEW.through_no <= (SELECT max(b.last_no) FROM ledger_block b
        WHERE b.institution_id = NEW.institution_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'append_only: fund_total_run' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_total_run_follows BEFORE INSERT ON fund_total_run
  FOR EACH ROW EXECUTE FUNCTION fund_total_run_follows();
