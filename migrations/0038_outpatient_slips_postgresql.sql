-- What is said of a batch's last steps comes with them and stays. It is approved on its day or later: article 8 remits
-- on 31 December. Voucher and bank slip come with the money, are compared by their letters and digits, and stand for one
-- movement of the institution; so does a slip that the restricted fund has. Two that come at once wait for each other.
CREATE FUNCTION outpatient_batch_evidence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (concat(NEW.voucher_no, NEW.bank_reference, NEW.voucher_key, NEW.slip_key) = ''
        AND num_nonnulls(NEW.approved_at, NEW.remitted_at, NEW.remitted_on) = 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_batch' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.state <> 'approved' AND NEW.approved_at IS DISTINCT FROM OLD.approved_at)
    OR (NEW.state <> 'remitted' AND (NEW.voucher_no, NEW.bank_reference, NEW.voucher_key, NEW.slip_key, NEW.remitted_by,
        NEW.remitted_at, NEW.remitted_on)
      IS DISTINCT FROM (OLD.voucher_no, OLD.bank_reference, OLD.voucher_key, OLD.slip_key, OLD.remitted_by,
        OLD.remitted_at, OLD.remitted_on))
    OR (NEW.state = 'remitted' AND (length(NEW.voucher_no) <= 64 AND length(NEW.bank_reference) <= 64
      AND NEW.voucher_key <> '' AND NEW.voucher_key = fund_plain_slip(NEW.voucher_no)
      AND NEW.slip_key <> '' AND NEW.slip_key = fund_plain_slip(NEW.bank_reference)) IS NOT TRUE) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_batch' USING ERRCODE = 'HP006';
  END IF;
  IF (NEW.state = 'approved' AND ((NEW.approved_at AT TIME ZONE 'Asia/Shanghai')::date >= NEW.on_day) IS NOT TRUE)
    OR (NEW.state = 'remitted' AND (NEW.remitted_on >= NEW.on_day
      AND NEW.remitted_on <= (NEW.remitted_at AT TIME ZONE 'Asia/Shanghai')::date) IS NOT TRUE) THEN
    RAISE EXCEPTION 'not_yet: outpatient_batch' USING ERRCODE = 'HP006';
  END IF;
  IF NEW.state = 'remitted' THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('slip:' || NEW.institution_id || ':' || NEW.slip_key, 0));
    IF EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = NEW.institution_id
        AND b.reference = NEW.slip_key
        AND NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN fund_correction c
          ON c.institution_id = e.institution_id AND 'fund_correction:' || c.correction_id = e.source
          WHERE e.institution_id = NEW.institution_id AND e.reverses_no = b.entry_no AND c.why = 'mistyped'))
      OR EXISTS (SELECT 1 FROM fund_settlement s WHERE s.institution_id = NEW.institution_id
        AND s.bank_reference <> '' AND upper(translate(s.bank_reference, ' -./_', '')) = NEW.slip_key) THEN
      RAISE EXCEPTION 'slip_used: outpatient_batch' USING ERRCODE = 'HP008';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_batch_evidence BEFORE INSERT OR UPDATE ON outpatient_batch
  FOR EACH ROW EXECUTE FUNCTION outpatient_batch_evidence();

CREATE FUNCTION fund_bank_evidence_not_remitted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('slip:' || NEW.institution_id || ':' || NEW.reference, 0));
  IF EXISTS (SELECT 1 FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id
      AND b.slip_key = NEW.reference) THEN
    RAISE EXCEPTION 'slip_used: outpatient_batch' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_bank_evidence_not_remitted BEFORE INSERT ON fund_bank_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_bank_evidence_not_remitted();

-- Neither is anything of it booked before its day, or dated so.
CREATE FUNCTION outpatient_entry_on_its_day() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id
      AND 'outpatient_batch:' || b.batch_no = NEW.source AND (NEW.effective_on >= b.on_day
        AND (NEW.posted_at AT TIME ZONE 'Asia/Shanghai')::date >= b.on_day) IS NOT TRUE) THEN
    RAISE EXCEPTION 'not_yet: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_entry_on_its_day BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind IN ('outpatient_escheat', 'outpatient_remittance')) EXECUTE FUNCTION outpatient_entry_on_its_day();

-- Money that went to the treasury has its batch's voucher and slip when the transaction ends.
CREATE FUNCTION outpatient_remittance_has_its_slip() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id
      AND 'outpatient_batch:' || b.batch_no = NEW.source AND b.state = 'remitted') THEN
    RAISE EXCEPTION 'slip: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER outpatient_remittance_has_its_slip AFTER INSERT ON ledger_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'outpatient_remittance')
  EXECUTE FUNCTION outpatient_remittance_has_its_slip();
