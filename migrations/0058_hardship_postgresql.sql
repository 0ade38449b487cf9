-- Arrears and hardship on PostgreSQL. What a stay owes and what is provided for it never fall below zero; a provision
-- or write-off is decided by another person than asked for it and shows exactly what its entry posted.

CREATE FUNCTION arrears_account_guarded() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT NEW.guarded AND (NEW.subject = '1219' OR NEW.account_id LIKE '12120203:%') THEN
    RAISE EXCEPTION 'unguarded: ledger_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER arrears_account_guarded BEFORE INSERT ON ledger_account
  FOR EACH ROW EXECUTE FUNCTION arrears_account_guarded();

CREATE FUNCTION arrears_act_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['state', 'decided_by', 'decided_at', 'answer', 'entry_no'];
  claim text := '12120203:' || NEW.stay_no;
  allowance text := '1219:' || NEW.stay_no;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF num_nonnulls(NEW.decided_by, NEW.decided_at) > 0 OR NEW.answer <> ''
        OR (NEW.state = 'waiting' OR (NEW.kind = 'reopen' AND NEW.state = 'done')) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: arrears_act' USING ERRCODE = 'HP006';
    END IF;
  ELSE
    IF (to_jsonb(NEW) - free) IS DISTINCT FROM (to_jsonb(OLD) - free) THEN
      RAISE EXCEPTION 'append_only: arrears_act' USING ERRCODE = 'HP001';
    END IF;
    IF (OLD.state = 'waiting' AND NEW.state IN ('done', 'refused')
        AND num_nonnulls(NEW.decided_by, NEW.decided_at) = 2
        AND lower(btrim(NEW.decided_by)) <> lower(btrim(OLD.asked_by))
        AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
          AND u.user_id = NEW.decided_by)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: arrears_act' USING ERRCODE = 'HP006';
    END IF;
  END IF;
  IF NEW.state = 'done' AND NEW.kind = 'reopen' AND NEW.amount_fen > (
      SELECT coalesce(sum(CASE WHEN a.kind = 'write_off' THEN a.amount_fen ELSE -a.amount_fen END), 0)
      FROM arrears_act a WHERE a.institution_id = NEW.institution_id AND a.stay_no = NEW.stay_no
        AND a.state = 'done' AND a.kind IN ('write_off', 'reopen')) THEN
    RAISE EXCEPTION 'wrong_step: arrears_act' USING ERRCODE = 'HP006';
  END IF;
  IF NEW.state = 'done' AND (
      NEW.amount_fen <> settlement_posted(NEW.institution_id, NEW.entry_no,
        CASE NEW.kind WHEN 'provision' THEN '5901' WHEN 'reopen' THEN claim ELSE allowance END)
      OR -NEW.amount_fen <> settlement_posted(NEW.institution_id, NEW.entry_no,
        CASE NEW.kind WHEN 'release' THEN '5901' WHEN 'write_off' THEN claim ELSE allowance END)) THEN
    RAISE EXCEPTION 'receipt_mismatch: arrears_act' USING ERRCODE = 'HP005';
  END IF;
  IF NEW.state = 'done' AND NEW.kind = 'provision' AND (SELECT a.balance_fen FROM ledger_account a
        WHERE a.institution_id = NEW.institution_id AND a.account_id = allowance)
      > coalesce((SELECT a.balance_fen FROM ledger_account a
        WHERE a.institution_id = NEW.institution_id AND a.account_id = claim), 0) THEN
    RAISE EXCEPTION 'above_owed: arrears_act' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER arrears_act_walk BEFORE INSERT OR UPDATE ON arrears_act
  FOR EACH ROW EXECUTE FUNCTION arrears_act_walk();

CREATE FUNCTION relief_application_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['state', 'submitted_by', 'submitted_at', 'answered_by', 'answered_at', 'granted_fen',
    'answer', 'received_by', 'received_at', 'received_fen', 'bank_reference', 'entry_no', 'returned_by',
    'returned_at', 'return_reference', 'return_entry_no'];
  sent text[] := ARRAY['submitted_by', 'submitted_at'];
  told text[] := ARRAY['answered_by', 'answered_at', 'granted_fen', 'answer'];
  paid text[] := ARRAY['received_by', 'received_at', 'received_fen', 'bank_reference', 'entry_no'];
  gone text[] := ARRAY['returned_by', 'returned_at', 'return_reference', 'return_entry_no'];
  free_now text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state IS DISTINCT FROM 'draft' OR NEW.answer <> '' OR num_nonnulls(NEW.submitted_by, NEW.submitted_at,
        NEW.answered_by, NEW.answered_at, NEW.granted_fen, NEW.received_by, NEW.received_at, NEW.received_fen,
        NEW.bank_reference, NEW.entry_no, NEW.returned_by, NEW.returned_at, NEW.return_reference,
        NEW.return_entry_no) > 0 THEN
      RAISE EXCEPTION 'wrong_step: relief_application' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(NEW) - free) IS DISTINCT FROM (to_jsonb(OLD) - free) THEN
    RAISE EXCEPTION 'append_only: relief_application' USING ERRCODE = 'HP001';
  END IF;
  free_now := CASE OLD.state || '>' || NEW.state WHEN 'draft>submitted' THEN sent WHEN 'draft>refused' THEN told
    WHEN 'submitted>granted' THEN told WHEN 'submitted>refused' THEN told WHEN 'granted>received' THEN paid
    WHEN 'received>returned' THEN gone END;
  IF free_now IS NULL OR (to_jsonb(NEW) - free_now - 'state') IS DISTINCT FROM (to_jsonb(OLD) - free_now - 'state')
      OR (NEW.state = 'submitted' AND (num_nonnulls(NEW.submitted_by, NEW.submitted_at) < 2
        OR lower(btrim(NEW.submitted_by)) = lower(btrim(OLD.made_by))
        OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
          AND u.user_id = NEW.submitted_by)))
      OR (NEW.state IN ('granted', 'refused') AND (num_nonnulls(NEW.answered_by, NEW.answered_at) < 2
        OR (NEW.state = 'granted') IS DISTINCT FROM (NEW.granted_fen IS NOT NULL)))
      OR (NEW.state = 'received' AND num_nonnulls(NEW.received_by, NEW.received_at, NEW.received_fen,
        NEW.bank_reference, NEW.entry_no) < 5)
      -- What came is given back whole, by a red letter and by another than booked it.
      OR (NEW.state = 'returned' AND (num_nonnulls(NEW.returned_by, NEW.returned_at, NEW.return_reference) < 3
        OR lower(btrim(NEW.returned_by)) = lower(btrim(OLD.received_by))
        OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
          AND u.user_id = NEW.returned_by)
        OR NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
          AND e.entry_no = NEW.return_entry_no AND e.reverses_no = OLD.entry_no))) THEN
    RAISE EXCEPTION 'wrong_step: relief_application' USING ERRCODE = 'HP006';
  END IF;
  IF NEW.state = 'received' AND (
      NEW.received_fen <> settlement_posted(NEW.institution_id, NEW.entry_no, '1002')
      OR -NEW.received_fen <> settlement_posted(NEW.institution_id, NEW.entry_no, '12120203:' || NEW.stay_no)) THEN
    RAISE EXCEPTION 'receipt_mismatch: relief_application' USING ERRCODE = 'HP005';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER relief_application_walk BEFORE INSERT OR UPDATE ON relief_application
  FOR EACH ROW EXECUTE FUNCTION relief_application_walk();

CREATE FUNCTION risk_assessment_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['approved_by', 'approved_at'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF num_nonnulls(NEW.approved_by, NEW.approved_at) > 0 OR NEW.assessment_no IS DISTINCT FROM 1 + (
        SELECT count(*) FROM risk_assessment r WHERE r.institution_id = NEW.institution_id) THEN
      RAISE EXCEPTION 'wrong_step: risk_assessment' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(NEW) - free) IS DISTINCT FROM (to_jsonb(OLD) - free) THEN
    RAISE EXCEPTION 'append_only: risk_assessment' USING ERRCODE = 'HP001';
  END IF;
  IF (OLD.approved_at IS NULL AND num_nonnulls(NEW.approved_by, NEW.approved_at) = 2
      AND lower(btrim(NEW.approved_by)) <> lower(btrim(OLD.assessed_by))
      AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.approved_by)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: risk_assessment' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER risk_assessment_walk BEFORE INSERT OR UPDATE ON risk_assessment
  FOR EACH ROW EXECUTE FUNCTION risk_assessment_walk();

-- A list holds as many people as it says: nobody is added to it later.
CREATE FUNCTION patient_group_member_counts() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.line_no < 1 OR NEW.line_no > (SELECT l.members FROM patient_group_list l
      WHERE l.institution_id = NEW.institution_id AND l.list_no = NEW.list_no) THEN
    RAISE EXCEPTION 'wrong_step: patient_group_member' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER patient_group_member_counts BEFORE INSERT ON patient_group_member
  FOR EACH ROW EXECUTE FUNCTION patient_group_member_counts();
