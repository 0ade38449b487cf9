-- An account has one open claim, but for what came back of refunds that are owed (2307): each of those is paid out of
-- an account of its own, and the bank may send back another beside it. Who opens one again holds the account and its
-- list for the treasury, and waits while that is booked.
DROP TRIGGER outpatient_claim_holds ON outpatient_claim;
DROP FUNCTION outpatient_claim_holds;
CREATE FUNCTION outpatient_claim_alone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  comes_back boolean := TG_OP = 'UPDATE' AND NEW.state = 'failed';
BEGIN
  PERFORM 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
    FOR NO KEY UPDATE;
  IF comes_back OR TG_OP = 'INSERT' THEN
    PERFORM 1 FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id
      AND b.state IN ('proposed', 'frozen', 'approved') AND b.batch_no IN (
        SELECT l.batch_no FROM outpatient_batch_line l
        WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no) FOR SHARE;
  END IF;
  IF EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
      AND c.account_no = NEW.account_no AND c.claim_id <> NEW.claim_id
      AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')
      AND NOT (comes_back AND coalesce(outpatient_owed_fen(c.institution_id, c.claim_id), 0) > 0))
    OR (comes_back AND EXISTS (SELECT 1 FROM outpatient_batch b JOIN outpatient_batch_line l USING (institution_id, batch_no)
        JOIN outpatient_account a USING (institution_id, account_no)
      WHERE b.institution_id = NEW.institution_id AND b.state = 'approved' AND l.account_no = NEW.account_no
        AND a.state = 'frozen')) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_alone BEFORE INSERT ON outpatient_claim FOR EACH ROW
  WHEN (NEW.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed'))
  EXECUTE FUNCTION outpatient_claim_alone();
CREATE TRIGGER outpatient_claim_alone_again BEFORE UPDATE OF state ON outpatient_claim FOR EACH ROW
  WHEN (NEW.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')
    AND OLD.state NOT IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed'))
  EXECUTE FUNCTION outpatient_claim_alone();

-- What is paid ahead for the treasury is all that it has of the account, and no more than the claim: neither is the
-- hospital's own cost what the treasury has, nor is more applied for than it got.
CREATE FUNCTION outpatient_advance_is_left() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
      AND c.claim_id = substr(NEW.source, 18)
      AND (SELECT sum(p.debit_fen - p.credit_fen) FROM ledger_posting p WHERE p.institution_id = NEW.institution_id
          AND p.entry_no = NEW.entry_no AND p.account_id = '1218:advance:' || c.claim_id)
        = least(c.amount_fen, outpatient_left_with_treasury(c.institution_id, c.account_no, c.claim_id))) THEN
    RAISE EXCEPTION 'outpatient: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_advance_is_left AFTER INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind = 'outpatient_advance') EXECUTE FUNCTION outpatient_advance_is_left();
