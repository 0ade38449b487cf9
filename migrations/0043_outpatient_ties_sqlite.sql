-- The same promises as beside it for PostgreSQL. One writes at a time here: a claim and a batch needn't hold each other.

-- What is frozen is frozen whole, and nobody claims any of it.
CREATE TRIGGER outpatient_batch_freezes BEFORE UPDATE ON outpatient_batch WHEN NEW.state = 'frozen' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE EXISTS (
      SELECT 1 FROM outpatient_batch_line l JOIN outpatient_account a
        ON a.institution_id = l.institution_id AND a.account_no = l.account_no
      WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no AND a.state <> 'frozen')
    OR EXISTS (SELECT 1 FROM outpatient_batch_line l JOIN outpatient_claim c
        ON c.institution_id = l.institution_id AND c.account_no = l.account_no
      WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no
        AND (c.state = 'accepted' OR c.state = 'reviewed' OR c.state = 'confirmed' OR c.state = 'sent'
          OR c.state = 'failed'));
END;

-- More than three years on the batch's day, as the account itself says (8): when the line is written, and when its
-- account is frozen for it.
CREATE TRIGGER outpatient_batch_line_is_old BEFORE INSERT ON outpatient_batch_line BEGIN
  SELECT RAISE(ABORT, 'not_yet: outpatient_batch_line') WHERE (SELECT date(NEW.last_movement_on) = NEW.last_movement_on
      AND NEW.last_movement_on < (CAST(substr(b.on_day, 1, 4) AS INTEGER) - 3) || substr(b.on_day, 5)
    FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id AND b.batch_no = NEW.batch_no) IS NOT 1;
END;
CREATE TRIGGER outpatient_account_is_old BEFORE UPDATE OF state ON outpatient_account
  WHEN NEW.state = 'frozen' AND OLD.state <> 'frozen' BEGIN
  SELECT RAISE(ABORT, 'not_yet: outpatient_account') WHERE NOT EXISTS (
    SELECT 1 FROM outpatient_batch_line l JOIN outpatient_batch b
      ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
    WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no AND b.state = 'proposed'
      AND l.last_movement_on = NEW.last_movement_on
      AND NEW.last_movement_on < (CAST(substr(b.on_day, 1, 4) AS INTEGER) - 3) || substr(b.on_day, 5));
END;

-- An account's money goes to the treasury while the account is frozen for it and nobody claims it.
CREATE TRIGGER outpatient_escheat_stands BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'outpatient_escheat' BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_posting') WHERE EXISTS (SELECT 1 FROM ledger_posting l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.account_id >= '23050102:'
      AND l.account_id < '23050102;' AND NOT (
        coalesce((SELECT a.state FROM outpatient_account a WHERE a.institution_id = NEW.institution_id
          AND a.account_no = substr(l.account_id, 10)), '') = 'frozen'
        AND NOT EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
          AND c.account_no = substr(l.account_id, 10) AND NOT c.remitted AND (c.state = 'accepted'
            OR c.state = 'reviewed' OR c.state = 'confirmed' OR c.state = 'sent' OR c.state = 'failed'))));
END;

-- Money that stands in the books for a claim holds it: it isn't withdrawn, sent again or decided anew.
CREATE TRIGGER outpatient_claim_is_not_paid BEFORE UPDATE ON outpatient_claim
  WHEN NEW.state = 'withdrawn' OR NEW.state = 'failed' OR NEW.state = 'reviewed' OR NEW.state = 'rejected' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE EXISTS (SELECT 1 FROM ledger_entry e
    WHERE e.institution_id = NEW.institution_id AND e.source = 'outpatient_claim:' || NEW.claim_id
      AND e.kind IN ('outpatient_advance', 'outpatient_refund')
      AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = e.institution_id
        AND r.reverses_no = e.entry_no));
END;
-- Nothing but a payment of the bank's comes back. A deposit that was taken is never taken back by its name: it is
-- refunded, past three people.
CREATE TRIGGER outpatient_payment_stands BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'outpatient_refund_returned'
  OR NEW.kind = 'outpatient_advance_returned' OR NEW.kind = 'outpatient_deposit_voided' BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_entry') WHERE NEW.kind = 'outpatient_deposit_voided' OR NOT EXISTS (
    SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = substr(NEW.source, 18) AND p.entry_no = NEW.reverses_no AND p.route <> 'cash'
      AND p.state = 'arrived');
END;

-- A receipt of cash is compared by its letters and digits, and stands for one payment.
CREATE TRIGGER outpatient_payout_receipt BEFORE INSERT ON outpatient_payout BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE
    (NEW.route <> 'cash' AND NEW.receipt_key <> '')
    OR (NEW.route = 'cash' AND ((NEW.receipt_key <> '' AND length(NEW.bank_reference) <= 64
        AND NEW.receipt_key NOT GLOB '*[^A-Z0-9]*') IS NOT 1 OR UNLIKE(NEW.bank_reference, NEW.receipt_key)));
END;
CREATE TRIGGER outpatient_payout_receipt_stays BEFORE UPDATE ON outpatient_payout BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE NEW.receipt_key IS NOT OLD.receipt_key
    OR (NEW.route = 'cash' AND NEW.bank_reference IS NOT OLD.bank_reference);
END;

-- A claim whose money came back leaves the list that nobody has yet; a list that goes holds claims that arrived.
CREATE TRIGGER outpatient_advance_line_walk BEFORE UPDATE ON outpatient_advance_line BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_advance_line') WHERE NEW.counts
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.list_no IS NOT OLD.list_no OR NEW.claim_id IS
      NOT OLD.claim_id OR NEW.account_no IS NOT OLD.account_no OR NEW.applied_fen IS NOT OLD.applied_fen
    OR NOT EXISTS (SELECT 1 FROM outpatient_advance_list l WHERE l.institution_id = NEW.institution_id
      AND l.list_no = NEW.list_no AND (l.state = 'refused' OR (l.state = 'made' AND EXISTS (
        SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id AND c.claim_id = NEW.claim_id
          AND c.state <> 'arrived'))));
END;
CREATE TRIGGER outpatient_advance_list_bare BEFORE INSERT ON outpatient_advance_list BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_advance_list') WHERE NEW.document_key <> '' OR NEW.slip_key <> '';
END;
CREATE TRIGGER outpatient_advance_list_walk BEFORE UPDATE ON outpatient_advance_list BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_advance_list') WHERE
    NOT ((OLD.state = 'made' AND (NEW.state = 'made' OR NEW.state = 'submitted' OR NEW.state = 'refused'))
      OR (OLD.state = 'submitted' AND NEW.state IN ('refused', 'reimbursed')))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.list_no IS NOT OLD.list_no OR NEW.budget_year IS
      NOT OLD.budget_year OR NEW.made_by IS NOT OLD.made_by OR NEW.made_at IS NOT OLD.made_at
    OR (NEW.state <> 'made' AND (NEW.claims IS NOT OLD.claims OR NEW.total_fen IS NOT OLD.total_fen))
    OR (NEW.state = 'made' AND (NEW.claims >= OLD.claims OR NEW.submitted_on IS NOT OLD.submitted_on
      OR NEW.submitted_by IS NOT OLD.submitted_by OR NEW.reimbursed_on IS NOT OLD.reimbursed_on
      OR NEW.reimbursed_by IS NOT OLD.reimbursed_by OR NEW.ground IS NOT OLD.ground))
    OR (NEW.state <> 'submitted' AND (NEW.document IS NOT OLD.document OR NEW.document_key IS NOT OLD.document_key))
    OR (NEW.state <> 'reimbursed' AND (NEW.bank_reference IS NOT OLD.bank_reference
      OR NEW.slip_key IS NOT OLD.slip_key))
    OR (NEW.state = 'submitted' AND (NEW.submitted_by <> NEW.made_by AND length(NEW.document) > 0
      AND NEW.document_key <> '') IS NOT 1)
    OR (NEW.state IN ('made', 'submitted') AND NOT EXISTS (SELECT 1 FROM (SELECT count(*) AS lines,
      coalesce(sum(l.applied_fen), 0) AS total FROM outpatient_advance_line l
      WHERE l.institution_id = NEW.institution_id AND l.list_no = NEW.list_no AND l.counts) q
      WHERE q.lines = NEW.claims AND q.lines > 0 AND q.total = NEW.total_fen))
    OR (NEW.state = 'submitted' AND EXISTS (SELECT 1 FROM outpatient_advance_line l JOIN outpatient_claim c
        ON c.institution_id = l.institution_id AND c.claim_id = l.claim_id
      WHERE l.institution_id = NEW.institution_id AND l.list_no = NEW.list_no AND l.counts AND c.state <> 'arrived'))
    OR (NEW.state = 'reimbursed' AND ((length(NEW.bank_reference) <= 64 AND NEW.slip_key <> ''
      AND NEW.slip_key NOT GLOB '*[^A-Z0-9]*') IS NOT 1 OR UNLIKE(NEW.bank_reference, NEW.slip_key)))
    OR (NEW.state = 'reimbursed' AND NEW.total_fen <> (SELECT coalesce(sum(p.credit_fen), 0)
      FROM ledger_entry e JOIN ledger_posting p
      ON p.institution_id = e.institution_id AND p.entry_no = e.entry_no
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_reimbursed'
        AND e.source = 'outpatient_advance_list:' || NEW.list_no AND p.account_id >= '1218:advance:'
          AND p.account_id < '1218:advance;'));
  SELECT RAISE(ABORT, 'slip_used: outpatient_advance_list') WHERE NEW.state = 'reimbursed' AND (EXISTS (
      SELECT 1 FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id AND b.slip_key = NEW.slip_key)
    OR EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = NEW.institution_id
      AND b.reference = NEW.slip_key
      AND NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN fund_correction c
        ON c.institution_id = e.institution_id AND 'fund_correction:' || c.correction_id = e.source
        WHERE e.institution_id = NEW.institution_id AND e.reverses_no = b.entry_no AND c.why = 'mistyped'))
    OR EXISTS (SELECT 1 FROM fund_settlement s WHERE s.institution_id = NEW.institution_id AND s.bank_reference <> ''
      AND upper(replace(replace(replace(replace(replace(s.bank_reference, ' ', ''), '-', ''), '.', ''), '/', ''),
        '_', '')) = NEW.slip_key));
END;

-- The slip of the treasury's money stands for no other movement: of the restricted fund, or of a batch.
CREATE TRIGGER outpatient_batch_slip_not_an_advances BEFORE UPDATE ON outpatient_batch
  WHEN NEW.state = 'remitted' BEGIN
  SELECT RAISE(ABORT, 'slip_used: outpatient_advance_list') WHERE EXISTS (SELECT 1 FROM outpatient_advance_list l
    WHERE l.institution_id = NEW.institution_id AND l.slip_key = NEW.slip_key AND l.slip_key <> '');
END;
CREATE TRIGGER fund_bank_evidence_not_an_advances BEFORE INSERT ON fund_bank_evidence BEGIN
  SELECT RAISE(ABORT, 'slip_used: outpatient_advance_list') WHERE EXISTS (SELECT 1 FROM outpatient_advance_list l
    WHERE l.institution_id = NEW.institution_id AND l.slip_key = NEW.reference AND l.slip_key <> '');
END;

-- The way the money came is open to its owner in person alone, while the hospital has the money, and where there is one.
CREATE TRIGGER outpatient_claim_goes_back BEFORE INSERT ON outpatient_claim
  WHEN NEW.route = 'original' AND NEW.state IN ('accepted', 'reviewed') BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE (NOT NEW.remitted AND NEW.claimant = 'self' AND EXISTS (
    SELECT 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
      AND (a.channel = 'wechat' OR a.channel = 'alipay' OR a.channel = 'card'))) IS NOT 1;
END;
CREATE TRIGGER outpatient_claim_goes_back_again BEFORE UPDATE OF route ON outpatient_claim
  WHEN NEW.route = 'original' AND NEW.state IN ('accepted', 'reviewed') BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE (NOT NEW.remitted AND NEW.claimant = 'self' AND EXISTS (
    SELECT 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
      AND (a.channel = 'wechat' OR a.channel = 'alipay' OR a.channel = 'card'))) IS NOT 1;
END;

-- An attempt that failed waits again while the bank says two things of it: nothing more is sent then.
CREATE TRIGGER outpatient_payout_walk BEFORE UPDATE ON outpatient_payout BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE
    NOT ((OLD.state = 'sent' AND NEW.state IN ('arrived', 'failed'))
      OR (OLD.state = 'arrived' AND NEW.state IN ('returned'))
      OR (OLD.state = 'failed' AND NEW.state = 'sent' AND NEW.answered_at IS NOT NULL
        AND NEW.bank_reference = OLD.bank_reference
        AND NEW.attempt_no = (SELECT count(*) FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
          AND p.claim_id = NEW.claim_id)
        AND EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
          AND c.claim_id = NEW.claim_id AND c.state = 'failed')))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.claim_id IS NOT OLD.claim_id OR NEW.attempt_no IS
      NOT OLD.attempt_no OR NEW.route IS NOT OLD.route OR NEW.file_no IS NOT OLD.file_no OR NEW.amount_fen IS
      NOT OLD.amount_fen OR NEW.sent_by IS NOT OLD.sent_by OR NEW.sent_at IS NOT OLD.sent_at
    OR (OLD.entry_no IS NOT NULL AND NEW.entry_no IS NOT OLD.entry_no);
END;
