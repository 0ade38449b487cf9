-- The same promises as beside it for PostgreSQL; SQLite's writers wait for one another.
CREATE TRIGGER outpatient_claim_alone BEFORE INSERT ON outpatient_claim
  WHEN NEW.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed') BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE EXISTS (SELECT 1 FROM outpatient_claim c
    WHERE c.institution_id = NEW.institution_id AND c.account_no = NEW.account_no AND c.claim_id <> NEW.claim_id
      AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed'));
END;
CREATE TRIGGER outpatient_claim_alone_again BEFORE UPDATE OF state ON outpatient_claim
  WHEN NEW.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')
    AND OLD.state NOT IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed') BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE EXISTS (SELECT 1 FROM outpatient_claim c
    WHERE c.institution_id = NEW.institution_id AND c.account_no = NEW.account_no AND c.claim_id <> NEW.claim_id
      AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')
      AND NOT (NEW.state = 'failed' AND EXISTS (SELECT 1 FROM ledger_account a
        WHERE a.institution_id = c.institution_id AND a.account_id = '2307:refund:' || c.claim_id
          AND a.balance_fen > 0)));
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE NEW.state = 'failed' AND EXISTS (
    SELECT 1 FROM outpatient_account t
      JOIN outpatient_batch_line l ON l.institution_id = t.institution_id AND l.account_no = t.account_no
      JOIN outpatient_batch b ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
    WHERE t.institution_id = NEW.institution_id AND t.account_no = NEW.account_no AND t.state = 'frozen'
      AND b.state = 'approved');
END;

CREATE TRIGGER outpatient_advance_is_left BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'outpatient_advance' BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_entry') WHERE NOT EXISTS (SELECT 1 FROM outpatient_claim c
    WHERE c.institution_id = NEW.institution_id AND c.claim_id = substr(NEW.source, 18)
      AND (SELECT sum(p.debit_fen - p.credit_fen) FROM ledger_posting p WHERE p.institution_id = NEW.institution_id
          AND p.entry_no = NEW.entry_no AND p.account_id = '1218:advance:' || c.claim_id)
        = min(c.amount_fen, (SELECT coalesce(sum(l.balance_fen), 0) FROM outpatient_batch_line l
            JOIN outpatient_batch b ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
          WHERE l.institution_id = c.institution_id AND l.account_no = c.account_no
            AND b.state IN ('approved', 'booked', 'remitted'))
        - (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM outpatient_claim o
            JOIN ledger_posting p ON p.institution_id = o.institution_id AND p.account_id = '1218:advance:' || o.claim_id
            JOIN ledger_entry e ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no
          WHERE o.institution_id = c.institution_id AND o.account_no = c.account_no AND o.remitted
            AND o.claim_id <> c.claim_id
            AND (e.kind = 'outpatient_advance' OR e.kind = 'outpatient_advance_returned'))));
END;
