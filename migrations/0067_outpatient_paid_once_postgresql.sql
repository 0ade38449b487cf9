-- While the bank has a payment on its way the refund is on its way: nobody turns it to another way meanwhile.
CREATE FUNCTION outpatient_claim_under_way() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = NEW.claim_id AND p.state = 'sent') THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_under_way BEFORE UPDATE ON outpatient_claim FOR EACH ROW
  WHEN (NEW.state <> 'sent') EXECUTE FUNCTION outpatient_claim_under_way();

-- And a refund is on its way only while a payment is, by the end of the transaction.
CREATE FUNCTION outpatient_payout_ends() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
        AND c.claim_id = NEW.claim_id AND c.state = 'sent')
      AND NOT EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
        AND p.claim_id = NEW.claim_id AND p.state = 'sent') THEN
    RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER outpatient_payout_ends AFTER UPDATE OF state ON outpatient_payout
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state <> 'sent') EXECUTE FUNCTION outpatient_payout_ends();

-- A payment names an entry of its own refund, once it arrived, and one that no other attempt names.
CREATE FUNCTION outpatient_payout_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.entry_no IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.entry_no IS NULL) AND (NEW.state <> 'arrived' OR NOT EXISTS (
      SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no
        AND e.source = 'outpatient_claim:' || NEW.claim_id
        AND e.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_repaid'))
      OR EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
        AND p.claim_id = NEW.claim_id AND p.attempt_no <> NEW.attempt_no AND p.entry_no = NEW.entry_no)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_payout_entry BEFORE INSERT OR UPDATE ON outpatient_payout FOR EACH ROW
  EXECUTE FUNCTION outpatient_payout_entry();

-- A frozen list is given up with a ground, and once its accounts are free.
CREATE FUNCTION outpatient_batch_dropped() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF trim(NEW.ended_ground) = '' OR EXISTS (SELECT 1 FROM outpatient_batch_line l
      JOIN outpatient_account a USING (institution_id, account_no)
      WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no AND a.state = 'frozen') THEN
    RAISE EXCEPTION 'wrong_step: outpatient_batch' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_batch_dropped BEFORE UPDATE ON outpatient_batch FOR EACH ROW
  WHEN (NEW.state = 'dropped' AND OLD.state = 'frozen') EXECUTE FUNCTION outpatient_batch_dropped();
