-- The same promises as beside it for PostgreSQL.

-- What is said of a batch's last steps comes with them and stays. It is approved on its day or later: article 8 remits
-- on 31 December. Voucher and bank slip come with the money, are compared by their letters and digits, and stand for one
-- movement of the institution; so does a slip that the restricted fund has.
CREATE TRIGGER outpatient_batch_bare BEFORE INSERT ON outpatient_batch BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE NEW.voucher_no <> '' OR NEW.bank_reference <> ''
    OR NEW.voucher_key <> '' OR NEW.slip_key <> '' OR NEW.approved_at IS NOT NULL OR NEW.remitted_at IS NOT NULL
    OR NEW.remitted_on IS NOT NULL;
END;

CREATE TRIGGER outpatient_batch_evidence BEFORE UPDATE ON outpatient_batch BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE
    (NEW.state <> 'approved' AND NEW.approved_at IS NOT OLD.approved_at)
    OR (NEW.state <> 'remitted' AND (NEW.voucher_no IS NOT OLD.voucher_no
      OR NEW.bank_reference IS NOT OLD.bank_reference OR NEW.voucher_key IS NOT OLD.voucher_key
      OR NEW.slip_key IS NOT OLD.slip_key OR NEW.remitted_by IS NOT OLD.remitted_by
      OR NEW.remitted_at IS NOT OLD.remitted_at OR NEW.remitted_on IS NOT OLD.remitted_on))
    OR (NEW.state = 'remitted' AND ((length(NEW.voucher_no) <= 64 AND length(NEW.bank_reference) <= 64
        AND NEW.voucher_key <> '' AND NEW.voucher_key NOT GLOB '*[^A-Z0-9]*'
        AND NEW.slip_key <> '' AND NEW.slip_key NOT GLOB '*[^A-Z0-9]*') IS NOT 1
      OR UNLIKE(NEW.voucher_no, NEW.voucher_key)
      OR UNLIKE(NEW.bank_reference, NEW.slip_key)));
  SELECT RAISE(ABORT, 'not_yet: outpatient_batch') WHERE
    (NEW.state = 'approved' AND (date(NEW.approved_at, '+8 hours') >= NEW.on_day) IS NOT 1)
    OR (NEW.state = 'remitted' AND (date(NEW.remitted_on) = NEW.remitted_on AND NEW.remitted_on >= NEW.on_day
      AND NEW.remitted_on <= date(NEW.remitted_at, '+8 hours')) IS NOT 1);
  SELECT RAISE(ABORT, 'slip_used: outpatient_batch') WHERE NEW.state = 'remitted' AND (EXISTS (
      SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = NEW.institution_id AND b.reference = NEW.slip_key
        AND NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN fund_correction c
          ON c.institution_id = e.institution_id AND 'fund_correction:' || c.correction_id = e.source
          WHERE e.institution_id = NEW.institution_id AND e.reverses_no = b.entry_no AND c.why = 'mistyped'))
    OR EXISTS (SELECT 1 FROM fund_settlement s WHERE s.institution_id = NEW.institution_id AND s.bank_reference <> ''
      AND upper(replace(replace(replace(replace(replace(s.bank_reference, ' ', ''), '-', ''), '.', ''), '/', ''),
        '_', '')) = NEW.slip_key));
END;

CREATE TRIGGER fund_bank_evidence_not_remitted BEFORE INSERT ON fund_bank_evidence BEGIN
  SELECT RAISE(ABORT, 'slip_used: outpatient_batch') WHERE EXISTS (SELECT 1 FROM outpatient_batch b
    WHERE b.institution_id = NEW.institution_id AND b.slip_key = NEW.reference);
END;

-- Neither is anything of it booked before its day, or dated so. SQLite looks at nothing when a transaction ends: there
-- money that went to the treasury has its batch's voucher and slip before anything more is booked of any batch.
CREATE TRIGGER outpatient_entry_on_its_day BEFORE INSERT ON ledger_entry
  WHEN NEW.kind IN ('outpatient_escheat', 'outpatient_remittance') BEGIN
  SELECT RAISE(ABORT, 'not_yet: ledger_entry') WHERE EXISTS (SELECT 1 FROM outpatient_batch b
    WHERE b.institution_id = NEW.institution_id AND 'outpatient_batch:' || b.batch_no = NEW.source
      AND (NEW.effective_on >= b.on_day AND date(NEW.posted_at, '+8 hours') >= b.on_day) IS NOT 1);
  SELECT RAISE(ABORT, 'slip: ledger_entry') WHERE EXISTS (SELECT 1 FROM outpatient_batch b
    WHERE b.institution_id = NEW.institution_id AND b.state = 'booked' AND EXISTS (
      SELECT 1 FROM ledger_entry e WHERE e.institution_id = b.institution_id AND e.kind = 'outpatient_remittance'
        AND e.source = 'outpatient_batch:' || b.batch_no));
END;
