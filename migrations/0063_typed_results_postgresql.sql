-- A result that was typed by hand, and that no settlement that stands rests on, gives way to another with its number;
-- what stood there is kept by the database itself. What the insurance sent is never written over. A settlement rests on
-- a result of its own stay.

CREATE FUNCTION settlement_result_gives_way() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  -- Whoever settles by it right now is waited for: a settlement's foreign key holds the row.
  PERFORM 1 FROM settlement_result r WHERE r.institution_id = OLD.institution_id AND r.setl_id = OLD.setl_id FOR UPDATE;
  IF (NEW.institution_id, NEW.setl_id) IS DISTINCT FROM (OLD.institution_id, OLD.setl_id) OR OLD.source <> 'hand'
    OR EXISTS (SELECT 1 FROM settlement t
      WHERE t.institution_id = OLD.institution_id AND t.setl_id = OLD.setl_id AND t.recalled_at IS NULL) THEN
    RAISE EXCEPTION 'append_only: settlement_result' USING ERRCODE = 'HP001';
  END IF;
  INSERT INTO replaced_result (
    institution_id, setl_id, replaced_no, replaced_by, replaced_at, stay_no, mdtrt_id, psn_no,
    certificate_hash, insutype, med_type, setl_time, medfee_sumamt_fen, fund_pay_sumamt_fen,
    psn_part_amt_fen, acct_pay_fen, psn_cash_pay_fen, hosp_part_amt_fen, acct_mulaid_pay_fen, source,
    taken_by, taken_at)
  VALUES (OLD.institution_id, OLD.setl_id, 1 + (SELECT count(*) FROM replaced_result r
      WHERE r.institution_id = OLD.institution_id AND r.setl_id = OLD.setl_id),
    NEW.taken_by, NEW.taken_at, OLD.stay_no, OLD.mdtrt_id, OLD.psn_no, OLD.certificate_hash, OLD.insutype,
    OLD.med_type, OLD.setl_time, OLD.medfee_sumamt_fen, OLD.fund_pay_sumamt_fen, OLD.psn_part_amt_fen,
    OLD.acct_pay_fen, OLD.psn_cash_pay_fen, OLD.hosp_part_amt_fen, OLD.acct_mulaid_pay_fen, OLD.source,
    OLD.taken_by, OLD.taken_at);
  RETURN NEW;
END $$;
DROP TRIGGER settlement_result_is_kept ON settlement_result;
CREATE TRIGGER settlement_result_is_kept BEFORE DELETE OR TRUNCATE ON settlement_result
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_result_gives_way BEFORE UPDATE ON settlement_result
  FOR EACH ROW EXECUTE FUNCTION settlement_result_gives_way();
CREATE TRIGGER replaced_result_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON replaced_result
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION settlement_rests_on_its_result() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM settlement_result r WHERE r.institution_id = NEW.institution_id
      AND r.setl_id = NEW.setl_id AND r.stay_no = NEW.stay_no) THEN
    RAISE EXCEPTION 'wrong_step: settlement' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_rests_on_its_result BEFORE INSERT ON settlement FOR EACH ROW
  WHEN (NEW.setl_id IS NOT NULL) EXECUTE FUNCTION settlement_rests_on_its_result();
