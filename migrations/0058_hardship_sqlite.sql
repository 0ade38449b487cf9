-- Arrears and hardship on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER arrears_account_guarded BEFORE INSERT ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'unguarded: ledger_account')
  WHERE NEW.guarded IS NOT 1 AND (NEW.subject = '1219' OR NEW.account_id LIKE '12120203:%');
END;

CREATE TRIGGER arrears_act_insert BEFORE INSERT ON arrears_act BEGIN
  SELECT RAISE(ABORT, 'wrong_step: arrears_act') WHERE NEW.decided_by IS NOT NULL OR NEW.decided_at IS NOT NULL
    OR NEW.answer IS NOT '' OR (NEW.state = 'waiting' OR (NEW.kind = 'reopen' AND NEW.state = 'done')) IS NOT 1
    OR (NEW.kind = 'reopen' AND NEW.state = 'done' AND NEW.amount_fen > (
      SELECT coalesce(sum(CASE WHEN a.kind = 'write_off' THEN a.amount_fen ELSE -a.amount_fen END), 0)
      FROM arrears_act a WHERE a.institution_id = NEW.institution_id AND a.stay_no = NEW.stay_no
        AND a.state = 'done' AND a.kind IN ('write_off', 'reopen')));
  SELECT RAISE(ABORT, 'receipt_mismatch: arrears_act') WHERE NEW.state = 'done' AND (
    NEW.amount_fen IS NOT (SELECT sum(p.debit_fen - p.credit_fen) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = '12120203:' || NEW.stay_no)
    OR NEW.amount_fen IS NOT (SELECT sum(p.credit_fen - p.debit_fen) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = '1219:' || NEW.stay_no));
END;

CREATE TRIGGER arrears_act_walk BEFORE UPDATE ON arrears_act BEGIN
  SELECT RAISE(ABORT, 'append_only: arrears_act') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.act_id IS NOT OLD.act_id OR NEW.stay_no IS NOT OLD.stay_no OR NEW.kind IS NOT OLD.kind
    OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.ground IS NOT OLD.ground OR NEW.evidence IS NOT OLD.evidence
    OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at;
  SELECT RAISE(ABORT, 'wrong_step: arrears_act') WHERE OLD.state IS NOT 'waiting'
    OR NEW.state IS 'waiting' OR NEW.decided_by IS NULL OR NEW.decided_at IS NULL
    OR lower(trim(NEW.decided_by)) = lower(trim(OLD.asked_by))
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.decided_by)
    OR (NEW.kind = 'reopen' AND NEW.state = 'done' AND NEW.amount_fen > (
      SELECT coalesce(sum(CASE WHEN a.kind = 'write_off' THEN a.amount_fen ELSE -a.amount_fen END), 0)
      FROM arrears_act a WHERE a.institution_id = NEW.institution_id AND a.stay_no = NEW.stay_no
        AND a.state = 'done' AND a.kind IN ('write_off', 'reopen')));
  SELECT RAISE(ABORT, 'receipt_mismatch: arrears_act') WHERE NEW.state = 'done' AND (
    NEW.amount_fen IS NOT (SELECT sum(p.debit_fen - p.credit_fen) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = CASE NEW.kind WHEN 'provision' THEN '5901' WHEN 'reopen' THEN '12120203:' || NEW.stay_no
          ELSE '1219:' || NEW.stay_no END)
    OR NEW.amount_fen IS NOT (SELECT sum(p.credit_fen - p.debit_fen) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = CASE NEW.kind WHEN 'release' THEN '5901' WHEN 'write_off' THEN '12120203:' || NEW.stay_no
          ELSE '1219:' || NEW.stay_no END));
  SELECT RAISE(ABORT, 'above_owed: arrears_act') WHERE NEW.state = 'done' AND NEW.kind = 'provision'
    AND (SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = NEW.institution_id
        AND a.account_id = '1219:' || NEW.stay_no)
      > coalesce((SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = NEW.institution_id
        AND a.account_id = '12120203:' || NEW.stay_no), 0);
END;

CREATE TRIGGER relief_application_insert BEFORE INSERT ON relief_application BEGIN
  SELECT RAISE(ABORT, 'wrong_step: relief_application') WHERE NEW.state IS NOT 'draft' OR NEW.answer IS NOT ''
    OR coalesce(NEW.submitted_by, NEW.submitted_at, NEW.answered_by, NEW.answered_at, NEW.granted_fen,
      NEW.received_by, NEW.received_at, NEW.received_fen, NEW.bank_reference, NEW.entry_no,
      NEW.returned_by, NEW.returned_at, NEW.return_reference, NEW.return_entry_no) IS NOT NULL;
END;

CREATE TRIGGER relief_application_walk BEFORE UPDATE ON relief_application BEGIN
  SELECT RAISE(ABORT, 'append_only: relief_application') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.application_id IS NOT OLD.application_id OR NEW.stay_no IS NOT OLD.stay_no
    OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.ground IS NOT OLD.ground OR NEW.papers IS NOT OLD.papers
    OR NEW.made_by IS NOT OLD.made_by OR NEW.made_at IS NOT OLD.made_at;
  SELECT RAISE(ABORT, 'wrong_step: relief_application') WHERE
    (CASE OLD.state WHEN 'draft' THEN NEW.state IN ('submitted', 'refused')
      WHEN 'submitted' THEN NEW.state IN ('granted', 'refused') WHEN 'granted' THEN NEW.state = 'received'
      WHEN 'received' THEN NEW.state = 'returned' ELSE 0 END) IS NOT 1
    OR (NEW.state <> 'submitted' AND (NEW.submitted_by IS NOT OLD.submitted_by
      OR NEW.submitted_at IS NOT OLD.submitted_at))
    OR (NEW.state NOT IN ('granted', 'refused') AND (NEW.answered_by IS NOT OLD.answered_by
      OR NEW.answered_at IS NOT OLD.answered_at OR NEW.granted_fen IS NOT OLD.granted_fen
      OR NEW.answer IS NOT OLD.answer))
    OR (NEW.state <> 'received' AND (NEW.received_by IS NOT OLD.received_by
      OR NEW.received_at IS NOT OLD.received_at OR NEW.received_fen IS NOT OLD.received_fen
      OR NEW.bank_reference IS NOT OLD.bank_reference OR NEW.entry_no IS NOT OLD.entry_no))
    OR (NEW.state <> 'returned' AND coalesce(NEW.returned_by, NEW.returned_at, NEW.return_reference,
      NEW.return_entry_no) IS NOT NULL)
    -- What came is given back whole, by a red letter and by another than booked it.
    OR (NEW.state = 'returned' AND (NEW.returned_by IS NULL OR NEW.returned_at IS NULL
      OR NEW.return_reference IS NULL OR lower(trim(NEW.returned_by)) = lower(trim(OLD.received_by))
      OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.returned_by)
      OR NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.entry_no = NEW.return_entry_no AND e.reverses_no = OLD.entry_no)))
    OR (NEW.state = 'submitted' AND (NEW.submitted_by IS NULL OR NEW.submitted_at IS NULL
      OR lower(trim(NEW.submitted_by)) = lower(trim(OLD.made_by))
      OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.submitted_by)))
    OR (NEW.state IN ('granted', 'refused') AND (NEW.answered_by IS NULL OR NEW.answered_at IS NULL
      OR (NEW.state = 'granted') IS NOT (NEW.granted_fen IS NOT NULL)))
    OR (NEW.state = 'received' AND (NEW.received_by IS NULL OR NEW.received_at IS NULL OR NEW.received_fen IS NULL
      OR NEW.bank_reference IS NULL OR NEW.entry_no IS NULL));
  SELECT RAISE(ABORT, 'receipt_mismatch: relief_application') WHERE NEW.state = 'received' AND (
    NEW.received_fen IS NOT (SELECT sum(p.debit_fen - p.credit_fen) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no AND p.account_id = '1002')
    OR NEW.received_fen IS NOT (SELECT sum(p.credit_fen - p.debit_fen) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = '12120203:' || NEW.stay_no));
END;

CREATE TRIGGER risk_assessment_insert BEFORE INSERT ON risk_assessment BEGIN
  SELECT RAISE(ABORT, 'wrong_step: risk_assessment') WHERE NEW.approved_by IS NOT NULL OR NEW.approved_at IS NOT NULL
    OR NEW.assessment_no IS NOT 1 + (SELECT count(*) FROM risk_assessment r
      WHERE r.institution_id = NEW.institution_id);
END;

CREATE TRIGGER risk_assessment_walk BEFORE UPDATE ON risk_assessment BEGIN
  SELECT RAISE(ABORT, 'append_only: risk_assessment') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.assessment_no IS NOT OLD.assessment_no OR NEW.period_from IS NOT OLD.period_from
    OR NEW.period_to IS NOT OLD.period_to OR NEW.figures IS NOT OLD.figures OR NEW.findings IS NOT OLD.findings
    OR NEW.measures IS NOT OLD.measures OR NEW.assessed_by IS NOT OLD.assessed_by
    OR NEW.assessed_at IS NOT OLD.assessed_at;
  SELECT RAISE(ABORT, 'wrong_step: risk_assessment') WHERE OLD.approved_at IS NOT NULL OR NEW.approved_by IS NULL
    OR NEW.approved_at IS NULL OR lower(trim(NEW.approved_by)) = lower(trim(OLD.assessed_by))
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.approved_by);
END;

-- A list holds as many people as it says: nobody is added to it later.
CREATE TRIGGER patient_group_member_counts BEFORE INSERT ON patient_group_member BEGIN
  SELECT RAISE(ABORT, 'wrong_step: patient_group_member') WHERE (NEW.line_no BETWEEN 1 AND (
    SELECT l.members FROM patient_group_list l
    WHERE l.institution_id = NEW.institution_id AND l.list_no = NEW.list_no)) IS NOT 1;
END;
