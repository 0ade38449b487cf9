-- The same promises as beside it for PostgreSQL. One writes at a time here, and lines are looked at when their header
-- comes, which is last.

-- What the hospital owes a patient: money that the bank sent back after the treasury gave it, or was asked for it.
CREATE TRIGGER outpatient_owed_opens BEFORE INSERT ON ledger_account
  WHEN NEW.account_id >= '2307:refund:' AND NEW.account_id < '2307:refund;' BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE (NEW.subject = '2307'
    AND NEW.normal_side = -1 AND NEW.guarded AND NEW.ceiling_fen IS NULL AND NEW.fund = ''
    AND EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
      AND c.claim_id = substr(NEW.account_id, 13) AND c.remitted)) IS NOT 1;
END;

-- It comes from an advance that arrived by the bank, is applied for and stands, or from what was paid of it and came
-- back; it goes to the patient, past the same three people. Always the whole claim: the balance is that or nothing.
CREATE TRIGGER outpatient_owed_stands BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_posting') WHERE EXISTS (SELECT 1 FROM ledger_posting l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.account_id >= '2307:refund:'
      AND l.account_id < '2307:refund;' AND (NEW.reverses_no IS NULL
        AND NEW.source = 'outpatient_claim:' || substr(l.account_id, 13) AND EXISTS (
          SELECT 1 FROM outpatient_claim c JOIN ledger_account a
            ON a.institution_id = c.institution_id AND a.account_id = l.account_id
          WHERE c.institution_id = NEW.institution_id AND c.claim_id = substr(l.account_id, 13) AND c.remitted
            AND CASE NEW.kind
              WHEN 'outpatient_repaid' THEN c.amount_fen = l.debit_fen AND c.state IN ('confirmed', 'sent')
              WHEN 'outpatient_owed' THEN c.amount_fen = l.credit_fen AND c.state = 'arrived'
                AND a.balance_fen = l.credit_fen AND EXISTS (
                  SELECT 1 FROM outpatient_payout p JOIN ledger_entry o
                    ON o.institution_id = p.institution_id AND o.entry_no = p.entry_no
                  WHERE p.institution_id = c.institution_id AND p.claim_id = c.claim_id AND p.state = 'arrived'
                    AND p.route <> 'cash' AND (o.kind = 'outpatient_repaid' OR (o.kind = 'outpatient_advance'
                      AND EXISTS (SELECT 1 FROM outpatient_advance_line f JOIN outpatient_advance_list m
                          ON m.institution_id = f.institution_id AND m.list_no = f.list_no
                        WHERE f.institution_id = c.institution_id AND f.claim_id = c.claim_id AND f.counts
                          AND (m.state = 'submitted' OR m.state = 'reimbursed'))))
                    AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = o.institution_id
                      AND r.reverses_no = o.entry_no))
              ELSE 0 END)) IS NOT 1);
END;
CREATE TRIGGER outpatient_owed_names_it BEFORE INSERT ON ledger_entry
  WHEN NEW.kind = 'outpatient_owed' OR NEW.kind = 'outpatient_repaid' BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_entry') WHERE 1 <> (SELECT count(*) FROM ledger_posting p
    WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no AND p.account_id >= '2307:refund:'
      AND p.account_id < '2307:refund;');
END;

-- What the treasury was asked for comes back by no red letter.
CREATE TRIGGER outpatient_payment_stands BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'outpatient_refund_returned'
  OR NEW.kind = 'outpatient_advance_returned' OR NEW.kind = 'outpatient_deposit_voided' BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_entry') WHERE NEW.kind = 'outpatient_deposit_voided' OR NOT EXISTS (
    SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = substr(NEW.source, 18) AND p.entry_no = NEW.reverses_no AND p.route <> 'cash'
      AND p.state = 'arrived')
    OR (NEW.kind = 'outpatient_advance_returned' AND (EXISTS (
        SELECT 1 FROM outpatient_advance_line f JOIN outpatient_advance_list m
          ON m.institution_id = f.institution_id AND m.list_no = f.list_no
        WHERE f.institution_id = NEW.institution_id AND f.claim_id = substr(NEW.source, 18) AND f.counts
          AND (m.state = 'submitted' OR m.state = 'reimbursed'))
      OR EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
        AND a.account_id = '2307:refund:' || substr(NEW.source, 18) AND a.balance_fen > 0)));
END;

-- Money that stands in the books for a claim holds it. What is owed on it goes on, and is never withdrawn.
CREATE TRIGGER outpatient_claim_is_not_paid BEFORE UPDATE ON outpatient_claim
  WHEN NEW.state = 'withdrawn' OR NEW.state = 'failed' OR NEW.state = 'reviewed' OR NEW.state = 'rejected' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE (NEW.state = 'withdrawn' OR NEW.state = 'rejected'
      OR NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
        AND a.account_id = '2307:refund:' || NEW.claim_id AND a.balance_fen = NEW.amount_fen))
    AND EXISTS (SELECT 1 FROM ledger_entry e
      WHERE e.institution_id = NEW.institution_id AND e.source = 'outpatient_claim:' || NEW.claim_id
        AND e.kind IN ('outpatient_advance', 'outpatient_refund')
        AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = e.institution_id
          AND r.reverses_no = e.entry_no));
END;

-- What is paid beyond what the treasury has is the hospital's own cost: whoever confirms it wrote why, after the last
-- review, of what was noticed about it.
CREATE TRIGGER outpatient_claim_beyond BEFORE UPDATE ON outpatient_claim
  WHEN NEW.state = 'confirmed' AND NEW.remitted BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE NEW.amount_fen > (
      SELECT coalesce(sum(l.balance_fen), 0) FROM outpatient_batch_line l JOIN outpatient_batch b
        ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
      WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no
        AND (b.state = 'approved' OR b.state = 'booked' OR b.state = 'remitted'))
    AND NOT EXISTS (SELECT 1 FROM outpatient_alarm_answer w WHERE w.institution_id = NEW.institution_id
      AND w.claim_id = NEW.claim_id AND w.answered_by = NEW.confirmed_by AND w.answered_at >= NEW.reviewed_at
      AND w.alarms >= (SELECT min(a.alarm_no) FROM outpatient_alarm a WHERE a.institution_id = NEW.institution_id
        AND a.claim_id = NEW.claim_id AND a.kind = 'beyond'));
END;

-- The bank said two things of one attempt: open until another person than read the second decides which it is.
CREATE TRIGGER outpatient_contradiction_insert BEFORE INSERT ON outpatient_contradiction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_contradiction') WHERE (NEW.decision = '' AND NEW.ground = ''
    AND NEW.decided_by IS NULL AND NEW.decided_at IS NULL
    AND NEW.contradiction_no = 1 + (SELECT count(*) FROM outpatient_contradiction o
      WHERE o.institution_id = NEW.institution_id AND o.claim_id = NEW.claim_id)
    AND EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = NEW.claim_id AND p.attempt_no = NEW.attempt_no AND p.route <> 'cash'
      AND p.state = CASE NEW.told WHEN 'arrived' THEN 'failed' WHEN 'failed' THEN 'arrived' END)) IS NOT 1;
END;
CREATE TRIGGER outpatient_contradiction_walk BEFORE UPDATE ON outpatient_contradiction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_contradiction') WHERE
    (OLD.decision = '' AND (NEW.decision = 'paid' OR NEW.decision = 'unpaid') AND NEW.decided_by IS NOT NULL
      AND NEW.decided_at IS NOT NULL AND length(trim(NEW.ground)) > 0) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.claim_id IS NOT OLD.claim_id
    OR NEW.contradiction_no IS NOT OLD.contradiction_no OR NEW.attempt_no IS NOT OLD.attempt_no
    OR NEW.told IS NOT OLD.told OR NEW.bank_reference IS NOT OLD.bank_reference
    OR NEW.raised_by IS NOT OLD.raised_by OR NEW.raised_at IS NOT OLD.raised_at;
END;
CREATE TRIGGER outpatient_contradiction_no_delete BEFORE DELETE ON outpatient_contradiction BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_contradiction');
END;
CREATE TRIGGER outpatient_contradiction_decided_by_not_raised_by BEFORE UPDATE OF decided_by
  ON outpatient_contradiction BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_contradiction') WHERE NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.raised_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
END;

-- Until then nothing more is paid of the claim, and it isn't given up, so that no other takes its place.
CREATE TRIGGER outpatient_payout_held BEFORE INSERT ON outpatient_payout BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE EXISTS (SELECT 1 FROM outpatient_contradiction o
    WHERE o.institution_id = NEW.institution_id AND o.claim_id = NEW.claim_id AND o.decision = '');
END;
CREATE TRIGGER outpatient_claim_held BEFORE UPDATE ON outpatient_claim
  WHEN NEW.state = 'withdrawn' OR NEW.state = 'rejected' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE EXISTS (SELECT 1 FROM outpatient_contradiction o
    WHERE o.institution_id = NEW.institution_id AND o.claim_id = NEW.claim_id AND o.decision = '');
END;

-- An attempt that failed waits again, and arrives, where somebody decided that the bank paid it after all.
CREATE TRIGGER outpatient_payout_walk BEFORE UPDATE ON outpatient_payout BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE
    NOT ((OLD.state = 'sent' AND NEW.state IN ('arrived', 'failed'))
      OR (OLD.state = 'arrived' AND NEW.state IN ('returned'))
      OR (OLD.state = 'failed' AND NEW.state = 'sent' AND NEW.answered_at IS NOT NULL
        AND NEW.bank_reference = OLD.bank_reference
        AND EXISTS (SELECT 1 FROM outpatient_contradiction o WHERE o.institution_id = NEW.institution_id
          AND o.claim_id = NEW.claim_id AND o.attempt_no = NEW.attempt_no AND o.told = 'arrived'
          AND o.decision = 'paid')
        AND EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
          AND c.claim_id = NEW.claim_id AND (c.state = 'failed' OR c.state = 'confirmed'))))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.claim_id IS NOT OLD.claim_id OR NEW.attempt_no IS
      NOT OLD.attempt_no OR NEW.route IS NOT OLD.route OR NEW.file_no IS NOT OLD.file_no OR NEW.amount_fen IS
      NOT OLD.amount_fen OR NEW.sent_by IS NOT OLD.sent_by OR NEW.sent_at IS NOT OLD.sent_at
    OR (OLD.entry_no IS NOT NULL AND NEW.entry_no IS NOT OLD.entry_no);
END;

-- A list begins empty, and says what stands on it when that is there.
CREATE TRIGGER outpatient_advance_list_bare BEFORE INSERT ON outpatient_advance_list BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_advance_list') WHERE NEW.document_key <> '' OR NEW.slip_key <> ''
    OR (NEW.claims = 0 AND NEW.total_fen = 0) IS NOT 1;
END;

-- Whoever reviews a batch is somebody who reviews refunds.
CREATE TRIGGER outpatient_batch_reviewer BEFORE INSERT ON outpatient_batch_review BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_batch_review') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.reviewed_by AND u.is_active
      AND (instr(u.roles, '"finance_officer"') > 0 OR instr(u.roles, '"finance_approver"') > 0));
END;
