-- A reservation that ran out pays nothing, whether the daily step has given it back yet or not.
CREATE FUNCTION fund_payment_in_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fund_request q WHERE q.institution_id = NEW.institution_id
      AND 'fund_request:' || q.request_id = NEW.source
      AND (q.expires_at IS NULL OR q.expires_at <= NEW.posted_at)) THEN
    RAISE EXCEPTION 'ran_out: ledger_entry' USING ERRCODE = 'HP009';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_payment_in_time BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind = 'fund_payment') EXECUTE FUNCTION fund_payment_in_time();
