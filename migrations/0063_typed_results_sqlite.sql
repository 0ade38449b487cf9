-- Results that were typed by hand, on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER settlement_result_gives_way BEFORE UPDATE ON settlement_result BEGIN
  SELECT RAISE(ABORT, 'append_only: settlement_result') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.setl_id IS NOT OLD.setl_id OR OLD.source <> 'hand' OR EXISTS (SELECT 1 FROM settlement t
      WHERE t.institution_id = OLD.institution_id AND t.setl_id = OLD.setl_id AND t.recalled_at IS NULL);
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
END;

CREATE TRIGGER replaced_result_no_update BEFORE UPDATE ON replaced_result BEGIN
  SELECT RAISE(ABORT, 'append_only: replaced_result');
END;

CREATE TRIGGER replaced_result_no_delete BEFORE DELETE ON replaced_result BEGIN
  SELECT RAISE(ABORT, 'append_only: replaced_result');
END;

CREATE TRIGGER settlement_rests_on_its_result BEFORE INSERT ON settlement WHEN NEW.setl_id IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'wrong_step: settlement') WHERE NOT EXISTS (SELECT 1 FROM settlement_result r
    WHERE r.institution_id = NEW.institution_id AND r.setl_id = NEW.setl_id AND r.stay_no = NEW.stay_no);
END;
