-- The same promises as beside it for PostgreSQL. One writes at a time here, and lines are looked at when their header
-- comes, which is last.

-- What the bank paid once too often is owed by whoever has it: booked where somebody decided that the attempt arrived
-- after all and the refund had arrived otherwise, has ended and its money went, or was taken over since.
CREATE TRIGGER outpatient_overpaid_stands BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_posting') WHERE EXISTS (SELECT 1 FROM ledger_posting l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.account_id >= '1218:overpaid:'
      AND l.account_id < '1218:overpaid;' AND (NEW.reverses_no IS NULL AND EXISTS (
        SELECT 1 FROM ledger_account a
          JOIN outpatient_payout p ON p.institution_id = a.institution_id AND p.state = 'failed'
            AND a.account_id = '1218:overpaid:' || p.claim_id || ':' || p.attempt_no
          JOIN outpatient_claim c ON c.institution_id = p.institution_id AND c.claim_id = p.claim_id
        WHERE a.institution_id = NEW.institution_id AND a.account_id = l.account_id AND a.subject = '1218'
          AND a.normal_side = 1 AND a.guarded AND a.ceiling_fen IS NULL AND a.fund = ''
          AND p.claim_id = substr(NEW.source, 18) AND NEW.source = 'outpatient_claim:' || p.claim_id
          AND (c.state = 'arrived' OR c.state = 'withdrawn' OR c.state = 'rejected'
            OR (c.state <> 'sent' AND julianday(c.accepted_at) > julianday(p.sent_at)))
          AND p.amount_fen = l.debit_fen + l.credit_fen
          AND EXISTS (SELECT 1 FROM outpatient_contradiction o WHERE o.institution_id = p.institution_id
            AND o.claim_id = p.claim_id AND o.attempt_no = p.attempt_no AND o.told = 'arrived' AND o.decision = 'paid')
          AND 1 = (SELECT count(*) FROM ledger_posting s WHERE s.institution_id = l.institution_id
            AND s.account_id = l.account_id AND (s.debit_fen > 0) = (l.debit_fen > 0))
          AND CASE NEW.kind WHEN 'outpatient_overpaid' THEN l.debit_fen > 0 AND a.balance_fen = l.debit_fen
            WHEN 'outpatient_overpaid_back' THEN l.credit_fen > 0 AND a.balance_fen = 0 ELSE 0 END)) IS NOT 1);
END;
CREATE TRIGGER outpatient_overpaid_names_it BEFORE INSERT ON ledger_entry
  WHEN NEW.kind = 'outpatient_overpaid' OR NEW.kind = 'outpatient_overpaid_back' BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_entry') WHERE 1 <> (SELECT count(*) FROM ledger_posting p
    WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no AND p.account_id >= '1218:overpaid:'
      AND p.account_id < '1218:overpaid;');
END;

-- It stands with the entry that booked it, by who decided, and is done when the money came back, once.
CREATE TRIGGER outpatient_overpayment_insert BEFORE INSERT ON outpatient_overpayment BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_overpayment') WHERE (NEW.state = 'owed' AND NEW.recovered_by IS NULL
    AND NEW.recovered_at IS NULL AND NEW.back_entry_no IS NULL AND NEW.way = '' AND NEW.reference = ''
    AND NEW.slip_key = ''
    AND EXISTS (SELECT 1 FROM outpatient_payout p JOIN ledger_posting l ON l.institution_id = p.institution_id
          AND l.entry_no = NEW.entry_no AND l.account_id = '1218:overpaid:' || p.claim_id || ':' || p.attempt_no
        JOIN ledger_entry e ON e.institution_id = l.institution_id AND e.entry_no = l.entry_no
      WHERE p.institution_id = NEW.institution_id AND p.claim_id = NEW.claim_id AND p.attempt_no = NEW.attempt_no
        AND p.state = 'failed' AND p.amount_fen = NEW.amount_fen AND l.debit_fen = NEW.amount_fen
        AND e.kind = 'outpatient_overpaid')
    AND EXISTS (SELECT 1 FROM outpatient_contradiction o WHERE o.institution_id = NEW.institution_id
      AND o.claim_id = NEW.claim_id AND o.attempt_no = NEW.attempt_no AND o.decision = 'paid'
      AND o.decided_by = NEW.recorded_by)) IS NOT 1;
END;
CREATE TRIGGER outpatient_overpayment_walk BEFORE UPDATE ON outpatient_overpayment BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_overpayment') WHERE
    (OLD.state = 'owed' AND NEW.state = 'recovered' AND (NEW.way = 'cash' OR NEW.way = 'bank')
      AND length(NEW.reference) > 0 AND length(NEW.reference) <= 64 AND NEW.slip_key <> ''
      AND NEW.slip_key NOT GLOB '*[^A-Z0-9]*' AND NEW.recovered_by IS NOT NULL AND NEW.recovered_at IS NOT NULL
      AND EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_posting l
          ON l.institution_id = e.institution_id AND l.entry_no = e.entry_no
        WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.back_entry_no
          AND e.kind = 'outpatient_overpaid_back' AND l.credit_fen = NEW.amount_fen
          AND l.account_id = '1218:overpaid:' || NEW.claim_id || ':' || NEW.attempt_no)) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.claim_id IS NOT OLD.claim_id
    OR NEW.attempt_no IS NOT OLD.attempt_no OR NEW.amount_fen IS NOT OLD.amount_fen
    OR NEW.entry_no IS NOT OLD.entry_no OR NEW.recorded_by IS NOT OLD.recorded_by
    OR NEW.recorded_at IS NOT OLD.recorded_at;
END;
CREATE TRIGGER outpatient_overpayment_no_delete BEFORE DELETE ON outpatient_overpayment BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_overpayment');
END;

-- Whoever decides what the bank meant confirms refunds, and didn't send the money. The bank's words stay as they came.
CREATE TRIGGER outpatient_contradiction_decider BEFORE UPDATE ON outpatient_contradiction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_contradiction') WHERE NEW.words IS NOT OLD.words;
  SELECT RAISE(ABORT, 'second_person: outpatient_contradiction') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by AND u.is_active
        AND instr(u.roles, '"finance_approver"') > 0)
    OR EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = NEW.claim_id AND p.attempt_no = NEW.attempt_no
      AND lower(trim(p.sent_by)) = lower(trim(NEW.decided_by)));
END;

-- What the bank may have paid of an account, by whichever of its claims, is neither paid again nor given away: until
-- somebody decided, and where it was decided that it paid, until that is in the books and, of a refund that hasn't
-- arrived, came back; whoever has the account since isn't held for what another was paid.
CREATE TRIGGER outpatient_payout_held BEFORE INSERT ON outpatient_payout BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE NEW.return_reference <> '' OR NEW.return_key <> ''
    OR EXISTS (SELECT 1 FROM outpatient_claim c
      JOIN outpatient_claim a ON a.institution_id = c.institution_id AND a.account_no = c.account_no
      JOIN outpatient_contradiction o ON o.institution_id = a.institution_id AND o.claim_id = a.claim_id
      JOIN outpatient_payout p ON p.institution_id = o.institution_id AND p.claim_id = o.claim_id
        AND p.attempt_no = o.attempt_no
      WHERE c.institution_id = NEW.institution_id AND c.claim_id = NEW.claim_id
        AND (o.decision = '' OR (o.decision = 'paid' AND p.state <> 'arrived' AND p.state <> 'returned'
          AND NOT EXISTS (SELECT 1 FROM outpatient_overpayment v WHERE v.institution_id = o.institution_id
            AND v.claim_id = o.claim_id AND v.attempt_no = o.attempt_no AND NOT (v.state = 'owed'
              AND a.state <> 'arrived' AND NOT EXISTS (SELECT 1 FROM outpatient_owner_change w
                WHERE w.institution_id = a.institution_id AND w.account_no = a.account_no
                  AND w.state = 'approved' AND julianday(w.decided_at) > julianday(a.accepted_at)
                  AND (w.old_name <> w.new_name OR (w.old_certno_hash <> ''
                    AND w.old_certno_hash <> w.new_certno_hash))))))))
    -- Sent again as it stands, by who sent it last: then nobody else looked at what came back.
    OR EXISTS (SELECT 1 FROM outpatient_payout p JOIN outpatient_claim c
        ON c.institution_id = p.institution_id AND c.claim_id = p.claim_id
      WHERE p.institution_id = NEW.institution_id AND p.claim_id = NEW.claim_id AND c.state = 'failed'
        AND p.attempt_no = NEW.attempt_no - 1 AND lower(trim(p.sent_by)) = lower(trim(NEW.sent_by)));
END;
CREATE TRIGGER outpatient_batch_doubted BEFORE UPDATE OF state ON outpatient_batch
  WHEN NEW.state = 'frozen' OR NEW.state = 'approved' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE EXISTS (SELECT 1 FROM outpatient_contradiction o
    JOIN outpatient_claim c ON c.institution_id = o.institution_id AND c.claim_id = o.claim_id
    JOIN outpatient_payout p ON p.institution_id = o.institution_id AND p.claim_id = o.claim_id
      AND p.attempt_no = o.attempt_no
    JOIN outpatient_batch_line l ON l.institution_id = c.institution_id AND l.account_no = c.account_no
    WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no
      AND (o.decision = '' OR (o.decision = 'paid' AND p.state <> 'arrived' AND p.state <> 'returned'
        AND NOT EXISTS (SELECT 1 FROM outpatient_overpayment v WHERE v.institution_id = o.institution_id
          AND v.claim_id = o.claim_id AND v.attempt_no = o.attempt_no AND NOT (v.state = 'owed'
            AND c.state <> 'arrived' AND NOT EXISTS (SELECT 1 FROM outpatient_owner_change w
              WHERE w.institution_id = c.institution_id AND w.account_no = c.account_no
                AND w.state = 'approved' AND julianday(w.decided_at) > julianday(c.accepted_at)
                AND (w.old_name <> w.new_name OR (w.old_certno_hash <> ''
                  AND w.old_certno_hash <> w.new_certno_hash))))))));
END;

-- A payment comes back against the bank's slip of it; not while another of the same refund is owed by its payee. An
-- attempt that failed waits again where somebody decided that the bank paid it, of a refund that has ended too.
CREATE TRIGGER outpatient_payout_walk BEFORE UPDATE ON outpatient_payout BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE
    NOT ((OLD.state = 'sent' AND (NEW.state = 'arrived' OR NEW.state = 'failed'))
      OR (OLD.state = 'arrived' AND NEW.state = 'returned' AND length(NEW.return_reference) > 0
        AND length(NEW.return_reference) <= 64 AND NEW.return_key <> '' AND NEW.return_key NOT GLOB '*[^A-Z0-9]*'
        AND NOT EXISTS (SELECT 1 FROM outpatient_overpayment v WHERE v.institution_id = NEW.institution_id
          AND v.claim_id = NEW.claim_id AND v.state = 'owed'))
      OR (OLD.state = 'failed' AND NEW.state = 'sent' AND NEW.answered_at IS NOT NULL
        AND NEW.bank_reference = OLD.bank_reference
        AND NOT EXISTS (SELECT 1 FROM outpatient_overpayment v WHERE v.institution_id = NEW.institution_id
          AND v.claim_id = NEW.claim_id AND v.attempt_no = NEW.attempt_no)
        AND EXISTS (SELECT 1 FROM outpatient_contradiction o WHERE o.institution_id = NEW.institution_id
          AND o.claim_id = NEW.claim_id AND o.attempt_no = NEW.attempt_no AND o.told = 'arrived'
          AND o.decision = 'paid')
        AND EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
          AND c.claim_id = NEW.claim_id AND (c.state = 'failed' OR c.state = 'confirmed' OR c.state = 'withdrawn'
            OR c.state = 'rejected'))))
    OR (NEW.state <> 'returned' AND (NEW.return_reference IS NOT OLD.return_reference
      OR NEW.return_key IS NOT OLD.return_key))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.claim_id IS NOT OLD.claim_id OR NEW.attempt_no IS
      NOT OLD.attempt_no OR NEW.route IS NOT OLD.route OR NEW.file_no IS NOT OLD.file_no OR NEW.amount_fen IS
      NOT OLD.amount_fen OR NEW.sent_by IS NOT OLD.sent_by OR NEW.sent_at IS NOT OLD.sent_at
    OR (OLD.entry_no IS NOT NULL AND NEW.entry_no IS NOT OLD.entry_no);
END;

-- Who names another way for a refund is none of those who sent it.
CREATE TRIGGER outpatient_redirected_by_another BEFORE UPDATE ON outpatient_claim
  WHEN NEW.state = 'reviewed' AND OLD.state = 'failed' BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_claim') WHERE EXISTS (SELECT 1 FROM outpatient_payout p
    WHERE p.institution_id = NEW.institution_id AND p.claim_id = NEW.claim_id
      AND lower(trim(p.sent_by)) = lower(trim(NEW.reviewed_by)));
END;
