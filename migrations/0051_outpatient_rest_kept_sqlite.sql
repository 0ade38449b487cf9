-- The same promises as beside it for PostgreSQL. {left of a claim} stands for what the treasury has of the account and
-- nobody was paid ahead but on that claim.

-- An account is done with only when nothing of it is left with the treasury.
CREATE TRIGGER outpatient_account_reclaimed BEFORE UPDATE OF state ON outpatient_account
  WHEN NEW.state = 'reclaimed' AND OLD.state <> 'reclaimed' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_account') WHERE {left of ''} > 0;
END;

-- So may there be more than one claim on remitted money of an account, one after the other, while any of it is left.
CREATE TRIGGER outpatient_claim_on_the_rest BEFORE INSERT ON outpatient_claim WHEN NEW.remitted BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE {left of ''} <= 0;
END;

-- What is paid beyond what the treasury has is the hospital's own cost: whoever confirms it wrote why (0045), and a
-- refund that ended before its account was remitted takes no more than what is left there.
CREATE TRIGGER outpatient_claim_beyond BEFORE UPDATE ON outpatient_claim
  WHEN NEW.remitted AND (NEW.state = 'confirmed' OR (NEW.state = 'sent' AND NOT OLD.remitted)) BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE {left of NEW.claim_id} <= 0 OR NEW.amount_fen > {left of NEW.claim_id}
    AND (NEW.state <> 'confirmed' OR NOT EXISTS (SELECT 1 FROM outpatient_alarm_answer w
      WHERE w.institution_id = NEW.institution_id AND w.claim_id = NEW.claim_id
        AND w.answered_by = NEW.confirmed_by AND w.answered_at >= NEW.reviewed_at
        AND w.alarms >= (SELECT min(a.alarm_no) FROM outpatient_alarm a WHERE a.institution_id = NEW.institution_id
          AND a.claim_id = NEW.claim_id AND a.kind = 'beyond')));
END;

-- What comes back of a refund of before is owed likewise (2307) where the account's rest is with the treasury since.
CREATE TRIGGER outpatient_owed_opens BEFORE INSERT ON ledger_account
  WHEN (NEW.account_id >= '2103:' AND NEW.account_id < '2103;')
    OR (NEW.account_id >= '2307:' AND NEW.account_id < '2307;') BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE (NEW.account_id >= '2307:refund:'
    AND NEW.account_id < '2307:refund;' AND NEW.subject = '2307' AND NEW.normal_side = -1 AND NEW.guarded
    AND NEW.ceiling_fen IS NULL AND NEW.fund = '' AND EXISTS (SELECT 1 FROM outpatient_claim c
        JOIN outpatient_account a ON a.institution_id = c.institution_id AND a.account_no = c.account_no
      WHERE c.institution_id = NEW.institution_id AND c.claim_id = substr(NEW.account_id, 13)
        AND (c.remitted OR a.state = 'remitted' OR a.state = 'reclaimed'))) IS NOT 1;
END;
CREATE TRIGGER outpatient_owed_stands BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_posting') WHERE EXISTS (SELECT 1 FROM ledger_posting l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.account_id >= '2307:refund:'
      AND l.account_id < '2307:refund;' AND (NEW.reverses_no IS NULL
        AND NEW.source = 'outpatient_claim:' || substr(l.account_id, 13) AND EXISTS (
          SELECT 1 FROM outpatient_claim c
            JOIN ledger_account a ON a.institution_id = c.institution_id AND a.account_id = l.account_id
            JOIN outpatient_account t ON t.institution_id = c.institution_id AND t.account_no = c.account_no
          WHERE c.institution_id = NEW.institution_id AND c.claim_id = substr(l.account_id, 13)
            AND CASE NEW.kind
              WHEN 'outpatient_repaid' THEN c.amount_fen = l.debit_fen AND (c.state = 'confirmed' OR c.state = 'sent')
              WHEN 'outpatient_owed' THEN c.amount_fen = l.credit_fen AND c.state = 'arrived'
                AND a.balance_fen = l.credit_fen AND EXISTS (
                  SELECT 1 FROM outpatient_payout p JOIN ledger_entry o
                    ON o.institution_id = p.institution_id AND o.entry_no = p.entry_no
                  WHERE p.institution_id = c.institution_id AND p.claim_id = c.claim_id AND p.state = 'arrived'
                    AND p.route <> 'cash' AND (o.kind = 'outpatient_repaid' OR CASE WHEN c.remitted
                      THEN o.kind = 'outpatient_advance' AND EXISTS (
                        SELECT 1 FROM outpatient_advance_line f JOIN outpatient_advance_list m
                          ON m.institution_id = f.institution_id AND m.list_no = f.list_no
                        WHERE f.institution_id = c.institution_id AND f.claim_id = c.claim_id AND f.counts
                          AND (m.state = 'submitted' OR m.state = 'reimbursed'))
                      ELSE o.kind = 'outpatient_refund' AND (t.state = 'remitted' OR t.state = 'reclaimed') END)
                    AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = o.institution_id
                      AND r.reverses_no = o.entry_no))
              ELSE 0 END)) IS NOT 1);
END;

-- Then it comes back by no red letter, which would put it where nobody can be paid from.
CREATE TRIGGER outpatient_payment_stands BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'outpatient_refund_returned'
  OR NEW.kind = 'outpatient_advance_returned' OR NEW.kind = 'outpatient_deposit_voided' BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_entry') WHERE NEW.kind = 'outpatient_deposit_voided' OR NOT EXISTS (
    SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = substr(NEW.source, 18) AND p.entry_no = NEW.reverses_no AND p.route <> 'cash'
      AND p.state = 'arrived')
    OR EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
      AND a.account_id = '2307:refund:' || substr(NEW.source, 18) AND a.balance_fen > 0)
    OR CASE NEW.kind WHEN 'outpatient_advance_returned' THEN EXISTS (
        SELECT 1 FROM outpatient_advance_line f JOIN outpatient_advance_list m
          ON m.institution_id = f.institution_id AND m.list_no = f.list_no
        WHERE f.institution_id = NEW.institution_id AND f.claim_id = substr(NEW.source, 18) AND f.counts
          AND (m.state = 'submitted' OR m.state = 'reimbursed'))
      ELSE EXISTS (SELECT 1 FROM outpatient_claim c
          JOIN outpatient_account t ON t.institution_id = c.institution_id AND t.account_no = c.account_no
        WHERE c.institution_id = NEW.institution_id AND c.claim_id = substr(NEW.source, 18)
          AND (t.state = 'remitted' OR t.state = 'reclaimed')) END;
END;
