-- Settling on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER receipt_insert BEFORE INSERT ON receipt BEGIN
  SELECT RAISE(ABORT, 'append_only: receipt') WHERE EXISTS (
    SELECT 1 FROM receipt r WHERE r.institution_id IS NEW.institution_id
      AND ((r.book IS NEW.book AND r.serial IS NEW.serial) OR r.entry_no IS NEW.entry_no
        OR (NEW.cancels_serial IS NOT NULL AND r.cancels_book IS NEW.cancels_book
            AND r.cancels_serial IS NEW.cancels_serial)))
    OR EXISTS (SELECT 1 FROM receipt r WHERE r.token IS NEW.token);
  SELECT RAISE(ABORT, 'receipt_gap: receipt') WHERE NOT EXISTS (
    SELECT 1 FROM receipt_book b WHERE b.institution_id = NEW.institution_id AND b.book = NEW.book
      AND b.closed_at IS NULL AND b.last_serial = NEW.serial - 1);
  SELECT RAISE(ABORT, 'receipt_mismatch: receipt') WHERE NEW.amount_fen IS NOT (
    SELECT abs(sum(p.credit_fen - p.debit_fen)) FROM ledger_posting p
    WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
      AND (p.account_id = '23050103:' || NEW.stay_no AND NEW.kind <> 'topup'
        OR p.account_id = '12120203:' || NEW.stay_no AND NEW.kind IN ('topup', 'void')));
  SELECT RAISE(ABORT, 'not_settled: receipt') WHERE NEW.kind = 'return' AND NOT EXISTS (
    SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
      AND t.kind <> 'interim' AND t.recalled_at IS NULL);
END;

-- The ceiling of a stay's deposits is the cap of its newest stay_cap row less what settlements took of them: the total
-- collected in a stay is bound, not what lies there at once.
CREATE TRIGGER ledger_account_ceiling BEFORE UPDATE OF ceiling_fen ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ceiling') WHERE NEW.ceiling_fen IS NOT (
    SELECT max(0, coalesce(c.cap_fen, 0) - (SELECT coalesce(sum(t.applied_fen), 0) FROM settlement t
      WHERE t.institution_id = c.institution_id AND t.stay_no = c.stay_no AND t.recalled_at IS NULL))
    FROM stay_cap c
    WHERE c.institution_id = NEW.institution_id AND '23050103:' || c.stay_no = NEW.account_id
    ORDER BY c.version_no DESC LIMIT 1);
END;

CREATE TRIGGER stay_cap_ceiling AFTER INSERT ON stay_cap BEGIN
  UPDATE ledger_account SET ceiling_fen = max(0, coalesce(NEW.cap_fen, 0) - (
      SELECT coalesce(sum(t.applied_fen), 0) FROM settlement t
      WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no AND t.recalled_at IS NULL))
  WHERE institution_id = NEW.institution_id AND account_id = '23050103:' || NEW.stay_no;
END;

CREATE TRIGGER settlement_ceiling AFTER INSERT ON settlement BEGIN
  UPDATE ledger_account SET ceiling_fen = max(0, coalesce((SELECT c.cap_fen FROM stay_cap c
      WHERE c.institution_id = NEW.institution_id AND c.stay_no = NEW.stay_no
      ORDER BY c.version_no DESC LIMIT 1), 0) - (
      SELECT coalesce(sum(t.applied_fen), 0) FROM settlement t
      WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no AND t.recalled_at IS NULL))
  WHERE institution_id = NEW.institution_id AND account_id = '23050103:' || NEW.stay_no;
END;

CREATE TRIGGER settlement_ceiling_again AFTER UPDATE OF recalled_at ON settlement BEGIN
  UPDATE ledger_account SET ceiling_fen = max(0, coalesce((SELECT c.cap_fen FROM stay_cap c
      WHERE c.institution_id = NEW.institution_id AND c.stay_no = NEW.stay_no
      ORDER BY c.version_no DESC LIMIT 1), 0) - (
      SELECT coalesce(sum(t.applied_fen), 0) FROM settlement t
      WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no AND t.recalled_at IS NULL))
  WHERE institution_id = NEW.institution_id AND account_id = '23050103:' || NEW.stay_no;
END;

CREATE TRIGGER settlement_insert BEFORE INSERT ON settlement BEGIN
  SELECT RAISE(ABORT, 'wrong_step: settlement') WHERE NEW.settlement_no IS NOT 1 + (SELECT count(*) FROM settlement t
      WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no)
    OR NEW.invoice_no IS NOT NULL OR NEW.invoiced_by IS NOT NULL OR NEW.invoiced_at IS NOT NULL
    OR NEW.recall_ground IS NOT NULL OR NEW.recall_asked_by IS NOT NULL OR NEW.recall_asked_at IS NOT NULL
    OR NEW.recalled_by IS NOT NULL OR NEW.recalled_at IS NOT NULL OR NEW.recall_entry_no IS NOT NULL
    OR (NEW.discharged_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM discharge d
      WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no
        AND d.discharged_at = NEW.discharged_at AND d.ended_at IS NULL AND d.stage = 'cashier'))
    OR NOT EXISTS (SELECT 1 FROM decision d WHERE d.institution_id = NEW.institution_id
      AND d.decision_id = NEW.decision_id AND d.rule = 'settlement.settle' AND d.outcome = 'permitted');
  SELECT RAISE(ABORT, 'receipt_mismatch: settlement') WHERE NEW.total_fen > 0 AND (
    NEW.applied_fen IS NOT (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = '23050103:' || NEW.stay_no)
    OR NEW.shortfall_fen IS NOT (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = '12120203:' || NEW.stay_no)
    OR NEW.fund_fen + NEW.account_fen IS NOT (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0)
      FROM ledger_posting p WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = '12120201')
    OR NEW.total_fen IS NOT (SELECT coalesce(sum(p.credit_fen - p.debit_fen), 0) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no AND p.account_id = '121201')
    OR NEW.held_fen IS NOT NEW.applied_fen + (SELECT a.balance_fen FROM ledger_account a
      WHERE a.institution_id = NEW.institution_id AND a.account_id = '23050103:' || NEW.stay_no));
END;

CREATE TRIGGER settlement_walk BEFORE UPDATE ON settlement BEGIN
  SELECT RAISE(ABORT, 'append_only: settlement') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.stay_no IS NOT OLD.stay_no OR NEW.settlement_no IS NOT OLD.settlement_no OR NEW.kind IS NOT OLD.kind
    OR NEW.discharged_at IS NOT OLD.discharged_at OR NEW.setl_id IS NOT OLD.setl_id
    OR NEW.total_fen IS NOT OLD.total_fen OR NEW.fund_fen IS NOT OLD.fund_fen
    OR NEW.account_fen IS NOT OLD.account_fen OR NEW.cash_fen IS NOT OLD.cash_fen
    OR NEW.hospital_fen IS NOT OLD.hospital_fen OR NEW.held_fen IS NOT OLD.held_fen
    OR NEW.applied_fen IS NOT OLD.applied_fen OR NEW.shortfall_fen IS NOT OLD.shortfall_fen
    OR NEW.channel IS NOT OLD.channel OR NEW.entry_no IS NOT OLD.entry_no OR NEW.decision_id IS NOT OLD.decision_id
    OR NEW.settled_by IS NOT OLD.settled_by OR NEW.settled_at IS NOT OLD.settled_at;
  SELECT RAISE(ABORT, 'wrong_step: settlement') WHERE
    -- An invoice is numbered once, while the settlement stands.
    ((NEW.invoice_no IS NOT OLD.invoice_no OR NEW.invoiced_by IS NOT OLD.invoiced_by
        OR NEW.invoiced_at IS NOT OLD.invoiced_at)
      AND (OLD.invoice_no IS NOT NULL OR OLD.recalled_at IS NOT NULL OR NEW.invoice_no IS NULL
        OR NEW.invoiced_by IS NULL OR NEW.invoiced_at IS NULL))
    -- A recall is asked for with its ground, or turned down, as long as it isn't done.
    OR ((NEW.recall_asked_by IS NOT OLD.recall_asked_by OR NEW.recall_asked_at IS NOT OLD.recall_asked_at
        OR NEW.recall_ground IS NOT OLD.recall_ground)
      AND (OLD.recalled_at IS NOT NULL OR NEW.recalled_at IS NOT NULL
        OR (NEW.recall_asked_by IS NULL) + (NEW.recall_asked_at IS NULL) + (NEW.recall_ground IS NULL) NOT IN (0, 3)
        OR (NEW.recall_asked_by IS NULL) = (OLD.recall_asked_by IS NULL)))
    -- It is done once, by another, and then has its red letter.
    OR ((NEW.recalled_by IS NOT OLD.recalled_by OR NEW.recalled_at IS NOT OLD.recalled_at)
      AND (OLD.recalled_at IS NOT NULL OR NEW.recalled_by IS NULL OR NEW.recalled_at IS NULL
        OR OLD.recall_asked_by IS NULL OR lower(trim(NEW.recalled_by)) = lower(trim(OLD.recall_asked_by))
        OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
          AND u.user_id = NEW.recalled_by)))
    OR (NEW.recall_entry_no IS NOT OLD.recall_entry_no
      AND (OLD.recall_entry_no IS NOT NULL OR OLD.recalled_at IS NULL OR NOT EXISTS (SELECT 1 FROM ledger_entry e
        WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.recall_entry_no
          AND e.reverses_no = OLD.entry_no)));
END;

CREATE TRIGGER discharge_walk BEFORE UPDATE ON discharge BEGIN
  SELECT RAISE(ABORT, 'wrong_step: discharge') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.stay_no IS NOT OLD.stay_no OR NEW.discharged_at IS NOT OLD.discharged_at
    -- Where it stands is what its newest step says.
    OR ((NEW.stage IS NOT OLD.stage OR NEW.stage_since IS NOT OLD.stage_since OR NEW.note IS NOT OLD.note
        OR NEW.step_no IS NOT OLD.step_no)
      AND NOT EXISTS (SELECT 1 FROM discharge_step s WHERE s.institution_id = NEW.institution_id
        AND s.stay_no = NEW.stay_no AND s.discharged_at = NEW.discharged_at AND s.step_no = NEW.step_no
        AND NEW.step_no = OLD.step_no + 1 AND s.from_stage = OLD.stage AND s.to_stage = NEW.stage
        AND s.note = NEW.note
        AND NEW.stage_since = CASE WHEN s.from_stage = s.to_stage THEN OLD.stage_since ELSE s.taken_at END))
    -- When it is due is what its newest clock says.
    OR ((NEW.clock_no IS NOT OLD.clock_no OR NEW.due_on IS NOT OLD.due_on OR NEW.expected_on IS NOT OLD.expected_on
        OR NEW.target_at IS NOT OLD.target_at)
      AND NOT EXISTS (SELECT 1 FROM discharge_clock c WHERE c.institution_id = NEW.institution_id
        AND c.stay_no = NEW.stay_no AND c.discharged_at = NEW.discharged_at AND c.clock_no = NEW.clock_no
        AND NEW.clock_no = OLD.clock_no + 1 AND c.due_on IS NEW.due_on AND c.expected_on IS NEW.expected_on
        AND c.target_at IS NEW.target_at))
    OR (NEW.settled_at IS NOT OLD.settled_at AND NEW.settled_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM settlement t
        WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
          AND t.discharged_at = NEW.discharged_at AND t.recalled_at IS NULL));
END;

CREATE TRIGGER discharge_step_insert BEFORE INSERT ON discharge_step BEGIN
  SELECT RAISE(ABORT, 'wrong_step: discharge_step') WHERE NOT EXISTS (SELECT 1 FROM discharge d
    WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no AND d.discharged_at = NEW.discharged_at
      AND d.step_no + 1 = NEW.step_no AND d.stage = NEW.from_stage AND d.ended_at IS NULL)
    OR (CASE NEW.from_stage
      WHEN 'ward' THEN NEW.to_stage IN ('ward', 'audit')
      WHEN 'audit' THEN NEW.to_stage IN ('audit', 'insurance', 'cashier', 'ward')
      WHEN 'insurance' THEN NEW.to_stage IN ('insurance', 'cashier', 'audit', 'ward')
      WHEN 'cashier' THEN NEW.to_stage IN ('cashier', 'invoice', 'insurance', 'audit', 'ward')
      WHEN 'invoice' THEN NEW.to_stage IN ('invoice', 'done', 'cashier', 'insurance', 'audit')
      WHEN 'done' THEN NEW.to_stage IN ('cashier', 'insurance', 'audit')
      ELSE 0 END) IS NOT 1
    -- The cashier passes on what is settled, nobody takes back what is, and the invoice has its number.
    OR ((NEW.from_stage = 'cashier' AND NEW.to_stage = 'invoice') OR NEW.from_stage IN ('invoice', 'done'))
      AND (CASE WHEN NEW.to_stage IN ('invoice', 'done') THEN 1 ELSE 0 END) IS NOT EXISTS (SELECT 1 FROM settlement t
        WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
          AND t.discharged_at = NEW.discharged_at AND t.recalled_at IS NULL
          AND (NEW.to_stage <> 'done' OR t.invoice_no IS NOT NULL));
END;
