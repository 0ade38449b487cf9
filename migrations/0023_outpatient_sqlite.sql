-- Outpatient deposits on SQLite: the same promises as beside it for PostgreSQL. The books' lines are looked at when
-- their header comes, which is last.

CREATE TRIGGER outpatient_account_opens BEFORE INSERT ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE
    (substr(NEW.account_id, 1, 9) = '23050102:' OR substr(NEW.account_id, 1, 7) = '230502:'
      OR substr(NEW.account_id, 1, 13) = '1218:advance:')
    AND (NEW.guarded AND NEW.ceiling_fen IS NULL AND NEW.fund = '' AND CASE
      WHEN substr(NEW.account_id, 1, 13) = '1218:advance:' THEN NEW.subject = '1218' AND NEW.normal_side = 1
      ELSE NEW.normal_side = -1 AND NEW.subject = substr(NEW.account_id, 1, instr(NEW.account_id, ':') - 1)
        AND EXISTS (SELECT 1 FROM outpatient_account o WHERE o.institution_id = NEW.institution_id
          AND o.account_no = substr(NEW.account_id, length(NEW.subject) + 2)
          AND (o.kind = 'outpatient_deposit') = (NEW.subject = '23050102')) END) IS NOT 1;
END;

CREATE TRIGGER outpatient_lines_stand BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_posting') WHERE EXISTS (
    SELECT 1 FROM ledger_posting l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND ((l.account_id >= '23050102'
      AND l.account_id < '23050103') OR (l.account_id >= '230502' AND l.account_id < '230503'))
      AND NOT (instr(l.account_id, ':') > 0 AND CASE
        WHEN l.debit_fen > 0 AND NEW.kind = 'outpatient_refund' THEN EXISTS (
          SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
            AND 'outpatient_claim:' || c.claim_id = NEW.source
            AND c.account_no = substr(l.account_id, instr(l.account_id, ':') + 1) AND NOT c.remitted
            AND c.amount_fen = l.debit_fen AND c.state IN ('confirmed', 'sent'))
        WHEN l.debit_fen > 0 AND NEW.kind = 'outpatient_escheat' THEN EXISTS (
          SELECT 1 FROM outpatient_batch b JOIN outpatient_batch_line m
            ON m.institution_id = b.institution_id AND m.batch_no = b.batch_no
          WHERE b.institution_id = NEW.institution_id AND 'outpatient_batch:' || b.batch_no = NEW.source
            AND b.state = 'approved' AND m.account_no = substr(l.account_id, instr(l.account_id, ':') + 1)
            AND m.balance_fen = l.debit_fen)
        WHEN NEW.kind = 'outpatient_correction' THEN EXISTS (
          SELECT 1 FROM outpatient_correction c WHERE c.institution_id = NEW.institution_id
            AND 'outpatient_correction:' || c.correction_id = NEW.source
            AND c.account_no = substr(l.account_id, instr(l.account_id, ':') + 1) AND c.state = 'approved'
            AND c.change_fen = l.credit_fen - l.debit_fen)
        WHEN l.debit_fen > 0 THEN EXISTS (SELECT 1 FROM ledger_entry o WHERE o.institution_id = NEW.institution_id
          AND o.entry_no = NEW.reverses_no AND o.kind = 'outpatient_deposit' AND NEW.kind = 'outpatient_deposit_voided')
        WHEN NEW.kind = 'outpatient_opening' THEN EXISTS (
          SELECT 1 FROM outpatient_account o JOIN outpatient_import i
            ON i.institution_id = o.institution_id AND i.import_no = o.import_no
          WHERE o.institution_id = NEW.institution_id
            AND o.account_no = substr(l.account_id, instr(l.account_id, ':') + 1) AND o.opening_fen = l.credit_fen
            AND 'outpatient_import:' || i.import_no = NEW.source AND i.state = 'confirmed') AND EXISTS (
          SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
            AND a.account_id = l.account_id AND a.balance_fen = l.credit_fen)
        WHEN NEW.kind = 'outpatient_deposit' THEN NEW.reverses_no IS NULL AND EXISTS (
          SELECT 1 FROM outpatient_taken t WHERE t.institution_id = NEW.institution_id
            AND 'outpatient_taken:' || t.taken_id = NEW.source
            AND t.account_no = substr(l.account_id, instr(l.account_id, ':') + 1) AND t.amount_fen = l.credit_fen)
        ELSE EXISTS (SELECT 1 FROM ledger_entry o WHERE o.institution_id = NEW.institution_id
          AND o.entry_no = NEW.reverses_no AND o.kind = 'outpatient_refund' AND NEW.kind = 'outpatient_refund_returned') END));
  SELECT RAISE(ABORT, 'outpatient: ledger_posting') WHERE EXISTS (
    SELECT 1 FROM ledger_posting l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
      AND ((l.account_id = '2103' AND NOT ((l.credit_fen > 0 AND NEW.kind = 'outpatient_escheat')
          OR (l.debit_fen > 0 AND NEW.kind = 'outpatient_remittance')))
        OR (l.account_id >= '1218:advance:' AND l.account_id < '1218:advance;' AND NOT (
          (l.debit_fen > 0 AND NEW.kind = 'outpatient_advance' AND NEW.reverses_no IS NULL
            AND NEW.source = 'outpatient_claim:' || substr(l.account_id, 14))
          OR (NEW.kind = 'outpatient_reimbursed' AND EXISTS (SELECT 1 FROM outpatient_advance_line a
            JOIN outpatient_advance_list m ON m.institution_id = a.institution_id AND m.list_no = a.list_no
            WHERE a.institution_id = NEW.institution_id AND a.claim_id = substr(l.account_id, 14) AND a.counts
              AND a.applied_fen = l.credit_fen AND m.state = 'submitted'
              AND 'outpatient_advance_list:' || m.list_no = NEW.source))
          OR EXISTS (SELECT 1 FROM ledger_entry o WHERE o.institution_id = NEW.institution_id
          AND o.entry_no = NEW.reverses_no AND o.kind = 'outpatient_advance' AND NEW.kind = 'outpatient_advance_returned')))));
END;

CREATE TRIGGER outpatient_entry_stands BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'outpatient: ledger_entry') WHERE substr(NEW.kind, 1, 10) = 'outpatient' AND (EXISTS (
      SELECT 1 FROM ledger_posting l JOIN ledger_account a
        ON a.institution_id = l.institution_id AND a.account_id = l.account_id
      WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND NOT CASE
        WHEN NEW.kind IN ('outpatient_opening', 'outpatient_correction')
          THEN a.subject IN ('23050102', '230502', '1002')
        WHEN NEW.kind IN ('outpatient_deposit', 'outpatient_deposit_voided', 'outpatient_refund',
          'outpatient_refund_returned')
          THEN a.subject IN ('23050102', '230502', '1001', '1002', '1021')
        WHEN NEW.kind IN ('outpatient_escheat')
          THEN a.subject IN ('23050102', '2103')
        WHEN NEW.kind IN ('outpatient_remittance')
          THEN a.subject IN ('2103', '1002')
        WHEN NEW.kind IN ('outpatient_advance', 'outpatient_advance_returned')
          THEN a.subject IN ('5901', '1001', '1002', '1021') OR substr(a.account_id, 1, 13) = '1218:advance:'
        WHEN NEW.kind IN ('outpatient_reimbursed')
          THEN a.subject IN ('1002', '4001', '5901') OR substr(a.account_id, 1, 13) = '1218:advance:'
        ELSE 0 END)
    OR (NEW.kind IN ('outpatient_refund', 'outpatient_advance') AND (
      NOT EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
        AND 'outpatient_claim:' || c.claim_id = NEW.source AND c.state IN ('confirmed', 'sent')
        AND c.remitted = (NEW.kind = 'outpatient_advance')
        AND c.amount_fen = (SELECT sum(l.debit_fen) FROM ledger_posting l
          WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no))
      OR EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.source = NEW.source AND e.kind = NEW.kind AND NOT EXISTS (SELECT 1 FROM ledger_entry r
          WHERE r.institution_id = e.institution_id AND r.reverses_no = e.entry_no))))
    OR (NEW.kind IN ('outpatient_correction', 'outpatient_deposit', 'outpatient_remittance', 'outpatient_reimbursed')
      AND (EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
          AND e.source = NEW.source AND e.kind = NEW.kind)
        OR (SELECT sum(l.debit_fen) FROM ledger_posting l WHERE l.institution_id = NEW.institution_id
            AND l.entry_no = NEW.entry_no AND (NEW.kind <> 'outpatient_reimbursed' OR l.account_id = '1002'))
          IS NOT (CASE NEW.kind
            WHEN 'outpatient_correction' THEN (SELECT abs(c.change_fen) FROM outpatient_correction c
              WHERE c.institution_id = NEW.institution_id
                AND 'outpatient_correction:' || c.correction_id = NEW.source)
            WHEN 'outpatient_deposit' THEN (SELECT t.amount_fen FROM outpatient_taken t
              WHERE t.institution_id = NEW.institution_id AND 'outpatient_taken:' || t.taken_id = NEW.source)
            WHEN 'outpatient_remittance' THEN (SELECT b.total_fen FROM outpatient_batch b
              WHERE b.institution_id = NEW.institution_id AND b.state = 'booked'
                AND 'outpatient_batch:' || b.batch_no = NEW.source)
            ELSE (SELECT m.total_fen FROM outpatient_advance_list m
              WHERE m.institution_id = NEW.institution_id AND m.state = 'submitted'
                AND 'outpatient_advance_list:' || m.list_no = NEW.source) END))));
END;

CREATE TRIGGER outpatient_import_insert BEFORE INSERT ON outpatient_import BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_import') WHERE (NEW.state = 'counted' AND NEW.decided_by IS NULL
    AND NEW.decided_at IS NULL AND NEW.booked_at IS NULL) IS NOT 1
    OR EXISTS (SELECT 1 FROM outpatient_import o WHERE o.institution_id IS NEW.institution_id
      AND o.import_no IS NEW.import_no);
END;

CREATE TRIGGER outpatient_import_walk BEFORE UPDATE ON outpatient_import BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_import') WHERE
    NOT ((OLD.state = 'counted' AND NEW.state IN ('confirmed', 'dropped'))
      OR (OLD.state = 'confirmed' AND NEW.state IN ('booked')))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.import_no IS NOT OLD.import_no OR NEW.file_name IS
      NOT OLD.file_name OR NEW.sha256 IS NOT OLD.sha256 OR NEW.balances_on IS NOT OLD.balances_on OR
      NEW.accepted IS NOT OLD.accepted OR NEW.rejected IS NOT OLD.rejected OR NEW.total_fen IS NOT OLD.total_fen
      OR NEW.imported_by IS NOT OLD.imported_by OR NEW.imported_at IS NOT OLD.imported_at
    OR (OLD.decided_by IS NOT NULL AND NEW.decided_by IS NOT OLD.decided_by)
    OR (NEW.state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM (SELECT count(*) AS accounts,
      coalesce(sum(a.opening_fen), 0) AS total
      FROM outpatient_account a WHERE a.institution_id = NEW.institution_id AND a.import_no = NEW.import_no) q
      WHERE q.accounts = NEW.accepted AND q.total = NEW.total_fen))
    OR (NEW.state = 'confirmed' AND NEW.decided_by IS NULL)
    OR (NEW.state = 'booked' AND NEW.total_fen <> (SELECT coalesce(sum(p.debit_fen), 0)
      FROM ledger_entry e JOIN ledger_posting p ON p.institution_id = e.institution_id AND p.entry_no = e.entry_no
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_opening'
        AND e.source = 'outpatient_import:' || NEW.import_no AND p.account_id = '1002'))
    OR (NEW.state = 'dropped' AND EXISTS (SELECT 1 FROM outpatient_account a
      WHERE a.institution_id = NEW.institution_id AND a.import_no = NEW.import_no));
END;

CREATE TRIGGER outpatient_account_delete BEFORE DELETE ON outpatient_account BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_account') WHERE NOT EXISTS (
    SELECT 1 FROM outpatient_import i WHERE i.institution_id = OLD.institution_id AND i.import_no = OLD.import_no
      AND i.state = 'counted');
END;

CREATE TRIGGER outpatient_account_insert BEFORE INSERT ON outpatient_account BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_account') WHERE (NEW.state = 'open'
    AND NEW.unclearable_reason = '' AND NEW.filed_on IS NULL AND NEW.person_id = NEW.account_no
    AND NEW.opening_fen >= 0 AND CASE WHEN NEW.import_no IS NULL THEN NEW.opening_fen = 0 ELSE EXISTS (
      SELECT 1 FROM outpatient_import i WHERE i.institution_id = NEW.institution_id AND i.import_no = NEW.import_no
        AND i.state = 'counted') END) IS NOT 1
    OR EXISTS (SELECT 1 FROM outpatient_account o WHERE o.institution_id IS NEW.institution_id
      AND o.account_no IS NEW.account_no);
END;

CREATE TRIGGER outpatient_account_walk BEFORE UPDATE ON outpatient_account BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_account') WHERE
    NEW.institution_id IS NOT OLD.institution_id OR NEW.account_no IS NOT OLD.account_no OR NEW.import_no IS
      NOT OLD.import_no OR NEW.kind IS NOT OLD.kind OR NEW.opening_fen IS NOT OLD.opening_fen
    OR NEW.holder_name IS NOT OLD.holder_name OR NEW.certno_hash IS NOT OLD.certno_hash
    OR NEW.channel IS NOT OLD.channel OR NEW.patient_no IS NOT OLD.patient_no
    OR (NEW.last_movement_on IS NOT OLD.last_movement_on
      AND (NEW.last_movement_on IS NULL OR NEW.last_movement_on < OLD.last_movement_on))
    OR (NEW.kind <> 'outpatient_deposit' AND NEW.state NOT IN ('open', 'refunded'))
    OR (NEW.state <> OLD.state AND (NOT ((OLD.state = 'open' AND NEW.state IN ('unclearable', 'refunded'))
      OR (OLD.state = 'unclearable' AND NEW.state IN ('open', 'filed', 'refunded'))
      OR (OLD.state = 'filed' AND NEW.state IN ('open', 'frozen', 'refunded'))
      OR (OLD.state = 'frozen' AND NEW.state IN ('filed', 'remitted'))
      OR (OLD.state = 'refunded' AND NEW.state IN ('open'))
      OR (OLD.state = 'remitted' AND NEW.state IN ('reclaimed'))
      OR (OLD.state = 'reclaimed' AND NEW.state IN ('remitted')))
      OR (NEW.state IN ('refunded', 'remitted') AND NOT EXISTS (
        SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
          AND a.account_id IN ('23050102:' || NEW.account_no, '230502:' || NEW.account_no) AND a.balance_fen = 0))
      OR (OLD.state = 'frozen' AND NEW.state = 'filed' AND EXISTS (
        SELECT 1 FROM outpatient_batch_line l JOIN outpatient_batch b
          ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
        WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no
          AND b.state IN ('approved', 'booked', 'remitted')))
      OR (NEW.state = 'reclaimed' AND NOT EXISTS (SELECT 1 FROM outpatient_claim c
        WHERE c.institution_id = NEW.institution_id AND c.account_no = NEW.account_no AND c.remitted
          AND c.state = 'arrived'))
      OR (NEW.state = 'frozen' AND NOT EXISTS (
        SELECT 1 FROM outpatient_batch_line l JOIN outpatient_batch b
          ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
        WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no AND b.state = 'proposed'))
      OR (NEW.state = 'filed' AND OLD.state = 'unclearable' AND NOT EXISTS (
        SELECT 1 FROM outpatient_filing_line l JOIN outpatient_filing f
          ON f.institution_id = l.institution_id AND f.filing_no = l.filing_no
        WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no AND f.state = 'acknowledged'
          AND f.acknowledged_on = NEW.filed_on))))
    OR (NEW.state = OLD.state AND OLD.state IN ('filed', 'frozen', 'remitted', 'reclaimed')
      AND (NEW.unclearable_reason IS NOT OLD.unclearable_reason OR NEW.filed_on IS NOT OLD.filed_on
        OR NEW.last_movement_on IS NOT OLD.last_movement_on));
END;

CREATE TRIGGER outpatient_correction_insert BEFORE INSERT ON outpatient_correction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_correction') WHERE (NEW.state = 'asked'
    AND NEW.decided_by IS NULL AND NEW.change_fen <> 0 AND length(NEW.ground) > 0
    AND EXISTS (SELECT 1 FROM outpatient_account a LEFT JOIN outpatient_import i
        ON i.institution_id = a.institution_id AND i.import_no = a.import_no
      WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no AND a.state IN ('open', 'refunded')
        AND (a.import_no IS NULL OR i.state = 'booked') AND NOT EXISTS (SELECT 1 FROM outpatient_claim c
          WHERE c.institution_id = a.institution_id AND c.account_no = a.account_no
            AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')))) IS NOT 1
    OR EXISTS (SELECT 1 FROM outpatient_correction o WHERE o.institution_id IS NEW.institution_id
      AND o.correction_id IS NEW.correction_id);
END;

CREATE TRIGGER outpatient_correction_walk BEFORE UPDATE ON outpatient_correction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_correction') WHERE
    NOT ((OLD.state = 'asked' AND NEW.state IN ('approved', 'rejected'))) OR NEW.decided_by IS NULL
    OR (NEW.state = 'approved' AND NOT EXISTS (SELECT 1 FROM outpatient_account a LEFT JOIN outpatient_import i
        ON i.institution_id = a.institution_id AND i.import_no = a.import_no
      WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no AND a.state IN ('open', 'refunded')
        AND (a.import_no IS NULL OR i.state = 'booked') AND NOT EXISTS (SELECT 1 FROM outpatient_claim c
          WHERE c.institution_id = a.institution_id AND c.account_no = a.account_no
            AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed'))))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.correction_id IS NOT OLD.correction_id OR
      NEW.account_no IS NOT OLD.account_no OR NEW.change_fen IS NOT OLD.change_fen OR NEW.ground IS NOT OLD.ground
      OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at;
END;

CREATE TRIGGER outpatient_claim_insert BEFORE INSERT ON outpatient_claim BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE (NEW.state = 'accepted' AND NEW.reviewed_by IS NULL
    AND NEW.confirmed_by IS NULL AND NEW.paid_by IS NULL
    AND NEW.ended_by IS NULL AND EXISTS (
      SELECT 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
        AND (a.import_no IS NULL OR EXISTS (SELECT 1 FROM outpatient_import i
          WHERE i.institution_id = a.institution_id AND i.import_no = a.import_no AND i.state = 'booked'))
        AND NEW.amount_fen > 0 AND CASE WHEN NEW.remitted THEN a.state IN ('frozen', 'remitted') AND EXISTS (
          SELECT 1 FROM outpatient_batch_line l JOIN outpatient_batch b
            ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
          WHERE l.institution_id = a.institution_id AND l.account_no = a.account_no
            AND b.state IN ('approved', 'booked', 'remitted'))
        ELSE (a.state IN ('open', 'unclearable', 'filed') OR (a.state = 'frozen' AND NOT EXISTS (
          SELECT 1 FROM outpatient_batch_line l JOIN outpatient_batch b
            ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
          WHERE l.institution_id = a.institution_id AND l.account_no = a.account_no AND b.state = 'approved')))
          AND EXISTS (SELECT 1 FROM ledger_account l WHERE l.institution_id = a.institution_id
            AND l.account_id IN ('23050102:' || a.account_no, '230502:' || a.account_no)
            AND l.balance_fen = NEW.amount_fen) END)) IS NOT 1
    OR EXISTS (SELECT 1 FROM outpatient_claim o WHERE o.institution_id IS NEW.institution_id
      AND o.claim_id IS NEW.claim_id);
END;

CREATE TRIGGER outpatient_claim_walk BEFORE UPDATE ON outpatient_claim BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE
    NOT ((OLD.state = 'accepted' AND NEW.state IN ('reviewed', 'rejected', 'withdrawn'))
      OR (OLD.state = 'reviewed' AND NEW.state IN ('confirmed', 'rejected', 'withdrawn'))
      OR (OLD.state = 'confirmed' AND NEW.state IN ('sent', 'arrived', 'withdrawn'))
      OR (OLD.state = 'sent' AND NEW.state IN ('arrived', 'failed'))
      OR (OLD.state = 'failed' AND NEW.state IN ('sent', 'reviewed', 'withdrawn'))
      OR (OLD.state = 'arrived' AND NEW.state IN ('failed')))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.claim_id IS NOT OLD.claim_id OR NEW.refund_no IS
      NOT OLD.refund_no OR NEW.account_no IS NOT OLD.account_no OR NEW.remitted IS NOT OLD.remitted OR
      NEW.amount_fen IS NOT OLD.amount_fen OR NEW.claimant IS NOT OLD.claimant OR NEW.card_lost IS
      NOT OLD.card_lost OR NEW.claimant_name IS NOT OLD.claimant_name OR NEW.taken_at IS NOT OLD.taken_at OR
      NEW.decision_id IS NOT OLD.decision_id OR NEW.accepted_by IS NOT OLD.accepted_by OR NEW.accepted_at IS
      NOT OLD.accepted_at
    OR ((OLD.state <> 'failed' OR NEW.state <> 'reviewed') AND (NEW.route IS NOT OLD.route
      OR NEW.card_hash IS NOT OLD.card_hash OR NEW.personal IS NOT OLD.personal))
    OR (NEW.state IN ('reviewed', 'confirmed', 'sent', 'failed', 'arrived')
      AND (NEW.reviewed_by <> NEW.accepted_by) IS NOT 1)
    OR (NEW.state IN ('confirmed', 'sent', 'failed', 'arrived')
      AND (NEW.confirmed_by <> NEW.accepted_by AND NEW.confirmed_by <> NEW.reviewed_by) IS NOT 1)
    OR (NEW.state IN ('sent', 'failed', 'arrived')
      AND (NEW.paid_by <> NEW.confirmed_by AND NEW.paid_by <> NEW.reviewed_by) IS NOT 1)
    OR (OLD.reviewed_by IS NOT NULL AND NEW.state <> 'reviewed' AND NEW.reviewed_by IS NOT OLD.reviewed_by)
    OR (OLD.confirmed_by IS NOT NULL AND NEW.state <> 'reviewed' AND NEW.confirmed_by IS NOT OLD.confirmed_by)
    OR (OLD.state = 'failed' AND NEW.state = 'reviewed' AND NEW.confirmed_by IS NOT NULL)
    OR (NEW.state = 'sent' AND NOT EXISTS (SELECT 1 FROM outpatient_payout p
      WHERE p.institution_id = NEW.institution_id AND p.claim_id = NEW.claim_id AND p.state = 'sent'
        AND p.route = NEW.route AND p.amount_fen = NEW.amount_fen))
    OR (NEW.state = 'arrived' AND (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
      AND e.source = 'outpatient_claim:' || NEW.claim_id
      AND e.kind = CASE WHEN NEW.remitted THEN 'outpatient_advance' ELSE 'outpatient_refund' END
      AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = e.institution_id
        AND r.reverses_no = e.entry_no)) <> 1)
    OR (OLD.state = 'arrived' AND (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
      AND e.source = 'outpatient_claim:' || NEW.claim_id
      AND e.kind = CASE WHEN NEW.remitted THEN 'outpatient_advance' ELSE 'outpatient_refund' END
      AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = e.institution_id
        AND r.reverses_no = e.entry_no)) <> 0);
END;

CREATE TRIGGER outpatient_payout_insert BEFORE INSERT ON outpatient_payout BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE (NEW.attempt_no = 1 + (SELECT count(*)
    FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = NEW.claim_id)
    AND NEW.state IN ('sent', 'arrived') AND (NEW.state = 'arrived') = (NEW.route = 'cash') AND EXISTS (
      SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id AND c.claim_id = NEW.claim_id
        AND c.state IN ('confirmed', 'failed') AND c.route = NEW.route AND c.amount_fen = NEW.amount_fen)) IS NOT 1
    OR EXISTS (SELECT 1 FROM outpatient_payout o WHERE o.institution_id IS NEW.institution_id
      AND o.claim_id IS NEW.claim_id AND o.attempt_no IS NEW.attempt_no);
END;

CREATE TRIGGER outpatient_payout_walk BEFORE UPDATE ON outpatient_payout BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE
    NOT ((OLD.state = 'sent' AND NEW.state IN ('arrived', 'failed'))
      OR (OLD.state = 'arrived' AND NEW.state IN ('returned')))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.claim_id IS NOT OLD.claim_id OR NEW.attempt_no IS
      NOT OLD.attempt_no OR NEW.route IS NOT OLD.route OR NEW.file_no IS NOT OLD.file_no OR NEW.amount_fen IS
      NOT OLD.amount_fen OR NEW.sent_by IS NOT OLD.sent_by OR NEW.sent_at IS NOT OLD.sent_at
    OR (OLD.entry_no IS NOT NULL AND NEW.entry_no IS NOT OLD.entry_no);
END;

CREATE TRIGGER outpatient_filing_insert BEFORE INSERT ON outpatient_filing BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_filing') WHERE (NEW.state = 'made' AND NEW.submitted_on IS NULL
    AND NEW.acknowledged_on IS NULL AND NEW.recorded_by IS NULL) IS NOT 1
    OR EXISTS (SELECT 1 FROM outpatient_filing o WHERE o.institution_id IS NEW.institution_id
      AND o.filing_no IS NEW.filing_no);
END;

CREATE TRIGGER outpatient_filing_walk BEFORE UPDATE ON outpatient_filing BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_filing') WHERE
    NOT ((OLD.state = 'made' AND NEW.state IN ('submitted', 'withdrawn'))
      OR (OLD.state = 'submitted' AND NEW.state IN ('acknowledged', 'withdrawn')))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.filing_no IS NOT OLD.filing_no OR NEW.accounts IS
      NOT OLD.accounts OR NEW.total_fen IS NOT OLD.total_fen OR NEW.sha256 IS NOT OLD.sha256 OR NEW.risk_note IS
      NOT OLD.risk_note OR NEW.made_by IS NOT OLD.made_by OR NEW.made_at IS NOT OLD.made_at
    OR (OLD.submitted_on IS NOT NULL AND (NEW.submitted_on IS NOT OLD.submitted_on
      OR NEW.submitted_by IS NOT OLD.submitted_by OR NEW.authority IS NOT OLD.authority))
    OR (NEW.state = 'acknowledged' AND (length(NEW.acknowledgement_no) > 0
      AND NEW.acknowledged_on >= NEW.submitted_on AND NEW.recorded_by <> NEW.made_by) IS NOT 1);
END;

CREATE TRIGGER outpatient_batch_insert BEFORE INSERT ON outpatient_batch BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE (NEW.state = 'proposed' AND substr(NEW.on_day,
    6) = '12-31' AND NEW.frozen_by IS NULL AND NEW.approved_by IS NULL
    AND NEW.remitted_by IS NULL) IS NOT 1
    OR EXISTS (SELECT 1 FROM outpatient_batch o WHERE o.institution_id IS NEW.institution_id
      AND o.batch_no IS NEW.batch_no);
END;

CREATE TRIGGER outpatient_batch_walk BEFORE UPDATE ON outpatient_batch BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE
    NOT ((OLD.state = 'proposed' AND NEW.state IN ('proposed', 'frozen', 'dropped'))
      OR (OLD.state = 'frozen' AND NEW.state IN ('approved', 'dropped'))
      OR (OLD.state = 'approved' AND NEW.state IN ('booked'))
      OR (OLD.state = 'booked' AND NEW.state IN ('remitted')))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.batch_no IS NOT OLD.batch_no OR NEW.on_day IS
      NOT OLD.on_day OR NEW.proposed_by IS NOT OLD.proposed_by OR NEW.proposed_at IS NOT OLD.proposed_at
    OR (OLD.state <> 'proposed' AND (NEW.accounts IS NOT OLD.accounts OR NEW.total_fen IS NOT OLD.total_fen
      OR NEW.sha256 IS NOT OLD.sha256 OR NEW.frozen_by IS NOT OLD.frozen_by))
    OR (OLD.approved_by IS NOT NULL AND NEW.approved_by IS NOT OLD.approved_by)
    OR (NEW.state = 'frozen' AND (length(NEW.sha256) = 64 AND length(NEW.frozen_by) > 0) IS NOT 1)
    OR (NEW.state = 'approved' AND (NEW.approved_by <> NEW.frozen_by) IS NOT 1)
    OR (NEW.state = 'remitted' AND (NEW.remitted_by <> NEW.approved_by AND length(NEW.voucher_no) > 0
      AND NEW.remitted_on IS NOT NULL) IS NOT 1)
    OR (NEW.state = 'frozen' AND NOT EXISTS (SELECT 1 FROM (SELECT count(*) AS lines, coalesce(sum(l.balance_fen),
      0) AS total FROM outpatient_batch_line l
      WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no) q
      WHERE q.lines = NEW.accounts AND q.total = NEW.total_fen))
    OR (NEW.state = 'approved' AND ((SELECT count(*) FROM outpatient_batch_review r
        WHERE r.institution_id = NEW.institution_id AND r.batch_no = NEW.batch_no
          AND r.reviewed_by NOT IN (NEW.approved_by, NEW.frozen_by)) <> 3
      OR EXISTS (SELECT 1 FROM outpatient_batch_line l JOIN outpatient_account a
          ON a.institution_id = l.institution_id AND a.account_no = l.account_no
        WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no AND a.state <> 'frozen')
      OR EXISTS (SELECT 1 FROM outpatient_batch_line l JOIN outpatient_claim c
          ON c.institution_id = l.institution_id AND c.account_no = l.account_no
        WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no
          AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed'))))
    OR (NEW.state = 'booked' AND NEW.total_fen <> (SELECT coalesce(sum(p.credit_fen), 0)
      FROM ledger_entry e JOIN ledger_posting p
      ON p.institution_id = e.institution_id AND p.entry_no = e.entry_no
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_escheat'
        AND e.source = 'outpatient_batch:' || NEW.batch_no AND p.account_id = '2103'))
    OR (NEW.state = 'remitted' AND NEW.total_fen <> (SELECT coalesce(sum(p.debit_fen), 0)
      FROM ledger_entry e JOIN ledger_posting p
      ON p.institution_id = e.institution_id AND p.entry_no = e.entry_no
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_remittance'
        AND e.source = 'outpatient_batch:' || NEW.batch_no AND p.account_id = '2103'));
END;

CREATE TRIGGER outpatient_filing_line_insert BEFORE INSERT ON outpatient_filing_line BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_filing_line') WHERE NOT EXISTS (
    SELECT 1 FROM outpatient_filing b WHERE b.institution_id = NEW.institution_id
      AND b.filing_no = NEW.filing_no AND b.state = 'made')
    OR EXISTS (SELECT 1 FROM outpatient_filing_line l WHERE l.institution_id IS NEW.institution_id
      AND l.filing_no IS NEW.filing_no
      AND l.account_no IS NEW.account_no);
END;

CREATE TRIGGER outpatient_batch_line_insert BEFORE INSERT ON outpatient_batch_line BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_batch_line') WHERE NOT EXISTS (
    SELECT 1 FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id AND b.batch_no = NEW.batch_no
      AND b.state = 'proposed')
    OR EXISTS (SELECT 1 FROM outpatient_batch_line l WHERE l.institution_id IS NEW.institution_id
      AND l.batch_no IS NEW.batch_no
      AND l.account_no IS NEW.account_no);
END;

CREATE TRIGGER outpatient_batch_line_delete BEFORE DELETE ON outpatient_batch_line BEGIN
  SELECT RAISE(ABORT, 'append_only: outpatient_batch_line') WHERE NOT EXISTS (
    SELECT 1 FROM outpatient_batch b WHERE b.institution_id = OLD.institution_id AND b.batch_no = OLD.batch_no
      AND b.state = 'proposed');
END;

CREATE TRIGGER outpatient_batch_review_insert BEFORE INSERT ON outpatient_batch_review BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_batch_review') WHERE NOT EXISTS (
    SELECT 1 FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id AND b.batch_no = NEW.batch_no
      AND b.state = 'frozen' AND lower(trim(b.frozen_by)) <> lower(trim(NEW.reviewed_by)))
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.reviewed_by)
    OR EXISTS (SELECT 1 FROM outpatient_batch_review r WHERE r.institution_id = NEW.institution_id
      AND r.batch_no = NEW.batch_no AND (r.part = NEW.part OR r.reviewed_by = NEW.reviewed_by));
END;

CREATE TRIGGER outpatient_advance_line_insert BEFORE INSERT ON outpatient_advance_line BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_advance_line') WHERE NOT (NEW.counts AND EXISTS (
      SELECT 1 FROM outpatient_advance_list l WHERE l.institution_id = NEW.institution_id
        AND l.list_no = NEW.list_no AND l.state = 'made')
    AND EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
      AND c.claim_id = NEW.claim_id AND c.account_no = NEW.account_no AND c.remitted AND c.state = 'arrived'
      AND NEW.applied_fen <= c.amount_fen))
    OR EXISTS (SELECT 1 FROM outpatient_advance_line a WHERE a.institution_id IS NEW.institution_id
      AND a.list_no IS NEW.list_no AND a.claim_id IS NEW.claim_id);
  SELECT RAISE(ABORT, 'above_remitted: outpatient_advance_line') WHERE NOT (
    NEW.applied_fen + (SELECT coalesce(sum(a.applied_fen), 0) FROM outpatient_advance_line a
        WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no AND a.counts)
      <= (SELECT coalesce(sum(l.balance_fen), 0) FROM outpatient_batch_line l JOIN outpatient_batch b
          ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
        WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no AND b.state = 'remitted')
    AND NEW.applied_fen + (SELECT coalesce(sum(a.applied_fen), 0) FROM outpatient_advance_line a
        WHERE a.institution_id = NEW.institution_id AND a.counts)
      <= (SELECT coalesce(sum(b.total_fen), 0) FROM outpatient_batch b
        WHERE b.institution_id = NEW.institution_id AND b.state = 'remitted'));
END;

CREATE TRIGGER outpatient_advance_line_walk BEFORE UPDATE ON outpatient_advance_line BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_advance_line') WHERE NEW.counts
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.list_no IS NOT OLD.list_no OR NEW.claim_id IS
      NOT OLD.claim_id OR NEW.account_no IS NOT OLD.account_no OR NEW.applied_fen IS NOT OLD.applied_fen
    OR NOT EXISTS (SELECT 1 FROM outpatient_advance_list l WHERE l.institution_id = NEW.institution_id
      AND l.list_no = NEW.list_no AND l.state = 'refused');
END;

CREATE TRIGGER outpatient_advance_list_insert BEFORE INSERT ON outpatient_advance_list BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_advance_list') WHERE (NEW.state = 'made'
    AND NEW.submitted_by IS NULL AND NEW.reimbursed_by IS NULL) IS NOT 1
    OR EXISTS (SELECT 1 FROM outpatient_advance_list o WHERE o.institution_id IS NEW.institution_id
      AND o.list_no IS NEW.list_no);
END;

CREATE TRIGGER outpatient_advance_list_walk BEFORE UPDATE ON outpatient_advance_list BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_advance_list') WHERE
    NOT ((OLD.state = 'made' AND NEW.state IN ('submitted', 'refused'))
      OR (OLD.state = 'submitted' AND NEW.state IN ('refused', 'reimbursed')))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.list_no IS NOT OLD.list_no OR NEW.budget_year IS
      NOT OLD.budget_year OR NEW.claims IS NOT OLD.claims OR NEW.total_fen IS NOT OLD.total_fen OR NEW.made_by IS
      NOT OLD.made_by OR NEW.made_at IS NOT OLD.made_at
    OR (NEW.state = 'submitted' AND (NEW.submitted_by <> NEW.made_by AND length(NEW.document) > 0) IS NOT 1)
    OR (NEW.state = 'submitted' AND NOT EXISTS (SELECT 1 FROM (SELECT count(*) AS lines,
      coalesce(sum(l.applied_fen), 0) AS total FROM outpatient_advance_line l
      WHERE l.institution_id = NEW.institution_id AND l.list_no = NEW.list_no) q
      WHERE q.lines = NEW.claims AND q.total = NEW.total_fen))
    OR (NEW.state = 'reimbursed' AND NEW.total_fen <> (SELECT coalesce(sum(p.credit_fen), 0)
      FROM ledger_entry e JOIN ledger_posting p
      ON p.institution_id = e.institution_id AND p.entry_no = e.entry_no
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_reimbursed'
        AND e.source = 'outpatient_advance_list:' || NEW.list_no AND p.account_id >= '1218:advance:'
          AND p.account_id < '1218:advance;'));
END;

CREATE TRIGGER outpatient_import_decided_by_not_imported_by BEFORE UPDATE OF decided_by ON outpatient_import BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_import') WHERE NEW.state = 'confirmed'
    AND NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.imported_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
END;

CREATE TRIGGER outpatient_correction_decided_by_not_asked_by
  BEFORE UPDATE OF decided_by ON outpatient_correction BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_correction') WHERE NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.asked_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by));
END;

CREATE TRIGGER outpatient_claim_reviewed_by_not_accepted_by BEFORE UPDATE OF reviewed_by ON outpatient_claim BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_claim') WHERE NEW.reviewed_by IS NOT NULL AND (
    lower(trim(NEW.reviewed_by)) = lower(trim(NEW.accepted_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.reviewed_by));
END;

CREATE TRIGGER outpatient_claim_confirmed_by_not_reviewed_by BEFORE UPDATE OF confirmed_by ON outpatient_claim BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_claim') WHERE NEW.confirmed_by IS NOT NULL AND (
    lower(trim(NEW.confirmed_by)) = lower(trim(NEW.reviewed_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.confirmed_by));
END;

CREATE TRIGGER outpatient_claim_confirmed_by_not_accepted_by BEFORE UPDATE OF confirmed_by ON outpatient_claim BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_claim') WHERE NEW.confirmed_by IS NOT NULL AND (
    lower(trim(NEW.confirmed_by)) = lower(trim(NEW.accepted_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.confirmed_by));
END;

CREATE TRIGGER outpatient_claim_paid_by_not_confirmed_by BEFORE UPDATE OF paid_by ON outpatient_claim BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_claim') WHERE NEW.paid_by IS NOT NULL AND (
    lower(trim(NEW.paid_by)) = lower(trim(NEW.confirmed_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.paid_by));
END;

CREATE TRIGGER outpatient_filing_recorded_by_not_made_by BEFORE UPDATE OF recorded_by ON outpatient_filing BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_filing') WHERE NEW.recorded_by IS NOT NULL AND (
    lower(trim(NEW.recorded_by)) = lower(trim(NEW.made_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.recorded_by));
END;

CREATE TRIGGER outpatient_batch_approved_by_not_frozen_by BEFORE UPDATE OF approved_by ON outpatient_batch BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_batch') WHERE NEW.approved_by IS NOT NULL AND (
    lower(trim(NEW.approved_by)) = lower(trim(NEW.frozen_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.approved_by));
END;

CREATE TRIGGER outpatient_batch_remitted_by_not_approved_by BEFORE UPDATE OF remitted_by ON outpatient_batch BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_batch') WHERE NEW.remitted_by IS NOT NULL AND (
    lower(trim(NEW.remitted_by)) = lower(trim(NEW.approved_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.remitted_by));
END;

CREATE TRIGGER outpatient_advance_list_submitted_by_not_made_by
  BEFORE UPDATE OF submitted_by ON outpatient_advance_list BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_advance_list') WHERE NEW.submitted_by IS NOT NULL AND (
    lower(trim(NEW.submitted_by)) = lower(trim(NEW.made_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.submitted_by));
END;
