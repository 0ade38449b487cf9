-- The same promises as beside it for PostgreSQL.

-- Of what is owed to the treasury (2103) and to others (2307) the program has the subject itself, and under 2307 what is
-- owed on a refund that came back: nobody opens anything else beside that. What is owed is opened as before (0045).
CREATE TRIGGER outpatient_owed_opens BEFORE INSERT ON ledger_account
  WHEN (NEW.account_id >= '2103:' AND NEW.account_id < '2103;')
    OR (NEW.account_id >= '2307:' AND NEW.account_id < '2307;') BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE (NEW.account_id >= '2307:refund:'
    AND NEW.account_id < '2307:refund;' AND NEW.subject = '2307' AND NEW.normal_side = -1 AND NEW.guarded
    AND NEW.ceiling_fen IS NULL AND NEW.fund = '' AND EXISTS (SELECT 1 FROM outpatient_claim c
      WHERE c.institution_id = NEW.institution_id AND c.claim_id = substr(NEW.account_id, 13) AND c.remitted)) IS NOT 1;
END;

-- What was paid too often and came back stands in its row, with its proof. SQLite looks at nothing when a transaction
-- ends but keys: the row goes between the lines, which stand with no header but the entry's, and that header.
CREATE TRIGGER outpatient_overpayment_walk BEFORE UPDATE ON outpatient_overpayment BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_overpayment') WHERE
    (OLD.state = 'owed' AND NEW.state = 'recovered' AND (NEW.way = 'cash' OR NEW.way = 'bank')
      AND length(NEW.reference) > 0 AND length(NEW.reference) <= 64 AND NEW.slip_key <> ''
      AND NEW.slip_key NOT GLOB '*[^A-Z0-9]*' AND NEW.recovered_by IS NOT NULL AND NEW.recovered_at IS NOT NULL
      AND NEW.back_entry_no > (SELECT coalesce(max(e.entry_no), 0) FROM ledger_entry e
        WHERE e.institution_id = NEW.institution_id)
      AND EXISTS (SELECT 1 FROM ledger_posting l
        WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.back_entry_no
          AND l.credit_fen = NEW.amount_fen
          AND l.account_id = '1218:overpaid:' || NEW.claim_id || ':' || NEW.attempt_no)) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.claim_id IS NOT OLD.claim_id
    OR NEW.attempt_no IS NOT OLD.attempt_no OR NEW.amount_fen IS NOT OLD.amount_fen
    OR NEW.entry_no IS NOT OLD.entry_no OR NEW.recorded_by IS NOT OLD.recorded_by
    OR NEW.recorded_at IS NOT OLD.recorded_at;
END;
CREATE TRIGGER outpatient_overpaid_back_has_its_row BEFORE INSERT ON ledger_entry
  WHEN NEW.kind = 'outpatient_overpaid_back' BEGIN
  SELECT RAISE(ABORT, 'slip: ledger_entry') WHERE NOT EXISTS (SELECT 1 FROM outpatient_overpayment v
      JOIN ledger_posting l ON l.institution_id = v.institution_id AND l.entry_no = NEW.entry_no
        AND l.account_id = '1218:overpaid:' || v.claim_id || ':' || v.attempt_no
    WHERE v.institution_id = NEW.institution_id AND v.claim_id = substr(NEW.source, 18)
      AND v.state = 'recovered' AND v.back_entry_no = NEW.entry_no);
END;
