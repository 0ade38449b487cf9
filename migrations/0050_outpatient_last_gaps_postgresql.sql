-- Of what is owed to the treasury (2103) and to others (2307) the program has the subject itself, and under 2307 what is
-- owed on a refund that came back: nobody opens anything else beside that. What is owed is opened as before (0045).
CREATE OR REPLACE FUNCTION outpatient_owed_opens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f WHERE (f.account_id LIKE '2103:%' OR f.account_id LIKE '2307:%')
    AND (f.account_id LIKE '2307:refund:%' AND f.subject = '2307' AND f.normal_side = -1 AND f.guarded
      AND f.ceiling_fen IS NULL AND f.fund = '' AND EXISTS (SELECT 1 FROM outpatient_claim c
        WHERE c.institution_id = f.institution_id AND c.claim_id = substr(f.account_id, 13)
          AND c.remitted)) IS NOT TRUE) THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;

-- A slip is compared without the word before its number: "77", "No.77" and "№ 77" are one slip.
CREATE FUNCTION outpatient_plain_slip(typed text) RETURNS text LANGUAGE sql IMMUTABLE
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT regexp_replace(fund_plain_slip(typed), '^(?:NO)+(?=[0-9])', '')
$$;

-- What was paid too often and came back stands in its row, with its proof, when the transaction ends.
CREATE FUNCTION outpatient_overpaid_back_has_its_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM outpatient_overpayment v JOIN ledger_posting p
      ON p.institution_id = v.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = '1218:overpaid:' || v.claim_id || ':' || v.attempt_no
    WHERE v.institution_id = NEW.institution_id AND v.claim_id = substr(NEW.source, 18)
      AND v.state = 'recovered' AND v.back_entry_no = NEW.entry_no) THEN
    RAISE EXCEPTION 'slip: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER outpatient_overpaid_back_has_its_row AFTER INSERT ON ledger_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'outpatient_overpaid_back')
  EXECUTE FUNCTION outpatient_overpaid_back_has_its_row();
