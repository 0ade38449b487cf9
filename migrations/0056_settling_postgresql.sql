-- Settling on PostgreSQL. A settlement shows exactly what its entry posted, and a decision stands behind it; it is
-- recalled once, by another person, and has its red letter then. What it took of the deposits stays taken in the cap.

CREATE OR REPLACE FUNCTION receipt_counts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE receipt_book b SET last_serial = NEW.serial WHERE b.institution_id = NEW.institution_id
    AND b.book = NEW.book AND b.closed_at IS NULL AND b.last_serial = NEW.serial - 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'receipt_gap: receipt' USING ERRCODE = 'HP005';
  END IF;
  IF NEW.amount_fen IS DISTINCT FROM (
      SELECT abs(sum(p.credit_fen - p.debit_fen)) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND (p.account_id = '23050103:' || NEW.stay_no AND NEW.kind <> 'topup'
          OR p.account_id = '12120203:' || NEW.stay_no AND NEW.kind IN ('topup', 'void'))) THEN
    RAISE EXCEPTION 'receipt_mismatch: receipt' USING ERRCODE = 'HP005';
  END IF;
  IF NEW.kind = 'return' AND NOT EXISTS (SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id
      AND t.stay_no = NEW.stay_no AND t.kind <> 'interim' AND t.recalled_at IS NULL) THEN
    RAISE EXCEPTION 'not_settled: receipt' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- The ceiling of a stay's deposits is the cap of its newest stay_cap row less what settlements took of them: the total
-- collected in a stay is bound, not what lies there at once.
CREATE FUNCTION stay_ceiling(p_institution text, p_stay text, p_cap bigint) RETURNS bigint
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT greatest(0, coalesce(p_cap, 0) - coalesce((SELECT sum(t.applied_fen) FROM settlement t
    WHERE t.institution_id = p_institution AND t.stay_no = p_stay AND t.recalled_at IS NULL), 0))::bigint
$$;

CREATE OR REPLACE FUNCTION stay_cap_ceiling() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.version_no IS DISTINCT FROM (SELECT coalesce(max(c.version_no), 0) + 1 FROM stay_cap c
      WHERE c.institution_id = NEW.institution_id AND c.stay_no = NEW.stay_no) THEN
    RAISE EXCEPTION 'append_only: stay_cap' USING ERRCODE = 'HP001';
  END IF;
  UPDATE ledger_account SET ceiling_fen = stay_ceiling(NEW.institution_id, NEW.stay_no, NEW.cap_fen)
    WHERE institution_id = NEW.institution_id AND account_id = '23050103:' || NEW.stay_no;
  RETURN NEW;
END $$;

CREATE FUNCTION settlement_ceiling() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE ledger_account SET ceiling_fen = stay_ceiling(NEW.institution_id, NEW.stay_no, (
      SELECT c.cap_fen FROM stay_cap c WHERE c.institution_id = NEW.institution_id AND c.stay_no = NEW.stay_no
      ORDER BY c.version_no DESC LIMIT 1))
    WHERE institution_id = NEW.institution_id AND account_id = '23050103:' || NEW.stay_no;
  RETURN NULL;
END $$;
CREATE TRIGGER settlement_ceiling AFTER INSERT OR UPDATE OF recalled_at ON settlement
  FOR EACH ROW EXECUTE FUNCTION settlement_ceiling();

CREATE FUNCTION settlement_posted(p_institution text, p_entry bigint, p_account text) RETURNS numeric
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p
  WHERE p.institution_id = p_institution AND p.entry_no = p_entry AND p.account_id = p_account
$$;

CREATE FUNCTION settlement_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['invoice_no', 'invoiced_by', 'invoiced_at', 'recall_ground', 'recall_asked_by',
    'recall_asked_at', 'recalled_by', 'recalled_at', 'recall_entry_no'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.settlement_no IS DISTINCT FROM 1 + (SELECT count(*) FROM settlement t
          WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no)
        OR num_nonnulls(NEW.invoice_no, NEW.invoiced_by, NEW.invoiced_at, NEW.recall_ground, NEW.recall_asked_by,
          NEW.recall_asked_at, NEW.recalled_by, NEW.recalled_at, NEW.recall_entry_no) > 0
        OR (NEW.discharged_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM discharge d
          WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no
            AND d.discharged_at = NEW.discharged_at AND d.ended_at IS NULL AND d.stage = 'cashier'))
        OR NOT EXISTS (SELECT 1 FROM decision d WHERE d.institution_id = NEW.institution_id
          AND d.decision_id = NEW.decision_id AND d.rule = 'settlement.settle' AND d.outcome = 'permitted') THEN
      RAISE EXCEPTION 'wrong_step: settlement' USING ERRCODE = 'HP006';
    END IF;
    IF NEW.total_fen > 0 AND (
        NEW.applied_fen <> settlement_posted(NEW.institution_id, NEW.entry_no, '23050103:' || NEW.stay_no)
        OR NEW.shortfall_fen <> settlement_posted(NEW.institution_id, NEW.entry_no, '12120203:' || NEW.stay_no)
        OR NEW.fund_fen + NEW.account_fen <> settlement_posted(NEW.institution_id, NEW.entry_no, '12120201')
        OR -NEW.total_fen <> settlement_posted(NEW.institution_id, NEW.entry_no, '121201')
        OR NEW.held_fen IS DISTINCT FROM NEW.applied_fen + (SELECT a.balance_fen FROM ledger_account a
          WHERE a.institution_id = NEW.institution_id AND a.account_id = '23050103:' || NEW.stay_no)) THEN
      RAISE EXCEPTION 'receipt_mismatch: settlement' USING ERRCODE = 'HP005';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(NEW) - free) IS DISTINCT FROM (to_jsonb(OLD) - free) THEN
    RAISE EXCEPTION 'append_only: settlement' USING ERRCODE = 'HP001';
  END IF;
  IF -- An invoice is numbered once, while the settlement stands.
    ((NEW.invoice_no, NEW.invoiced_by, NEW.invoiced_at)
        IS DISTINCT FROM (OLD.invoice_no, OLD.invoiced_by, OLD.invoiced_at)
      AND (OLD.invoice_no IS NOT NULL OR OLD.recalled_at IS NOT NULL
        OR num_nonnulls(NEW.invoice_no, NEW.invoiced_by, NEW.invoiced_at) < 3))
    -- A recall is asked for with its ground, or turned down, as long as it isn't done.
    OR ((NEW.recall_asked_by, NEW.recall_asked_at, NEW.recall_ground)
        IS DISTINCT FROM (OLD.recall_asked_by, OLD.recall_asked_at, OLD.recall_ground)
      AND (num_nonnulls(OLD.recalled_at, NEW.recalled_at) > 0
        OR num_nonnulls(NEW.recall_asked_by, NEW.recall_asked_at, NEW.recall_ground) NOT IN (0, 3)
        OR (NEW.recall_asked_by IS NULL) = (OLD.recall_asked_by IS NULL)))
    -- It is done once, by another, and then has its red letter.
    OR ((NEW.recalled_by, NEW.recalled_at) IS DISTINCT FROM (OLD.recalled_by, OLD.recalled_at)
      AND (OLD.recalled_at IS NOT NULL OR num_nonnulls(NEW.recalled_by, NEW.recalled_at) < 2
        OR OLD.recall_asked_by IS NULL OR lower(btrim(NEW.recalled_by)) = lower(btrim(OLD.recall_asked_by))
        OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
          AND u.user_id = NEW.recalled_by)))
    OR (NEW.recall_entry_no IS DISTINCT FROM OLD.recall_entry_no
      AND (OLD.recall_entry_no IS NOT NULL OR OLD.recalled_at IS NULL OR NOT EXISTS (SELECT 1 FROM ledger_entry e
        WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.recall_entry_no
          AND e.reverses_no = OLD.entry_no))) THEN
    RAISE EXCEPTION 'wrong_step: settlement' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_walk BEFORE INSERT OR UPDATE ON settlement
  FOR EACH ROW EXECUTE FUNCTION settlement_walk();

CREATE OR REPLACE FUNCTION discharge_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.stage = 'ward' AND NEW.step_no = 0 AND NEW.clock_no = 0 AND NEW.note = ''
      AND num_nonnulls(NEW.due_on, NEW.expected_on, NEW.target_at, NEW.settled_at) = 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: discharge' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.institution_id, NEW.stay_no, NEW.discharged_at)
      IS DISTINCT FROM (OLD.institution_id, OLD.stay_no, OLD.discharged_at)
    -- Where it stands is what its newest step says.
    OR ((NEW.stage, NEW.stage_since, NEW.note, NEW.step_no)
        IS DISTINCT FROM (OLD.stage, OLD.stage_since, OLD.note, OLD.step_no)
      AND NOT EXISTS (SELECT 1 FROM discharge_step s WHERE s.institution_id = NEW.institution_id
        AND s.stay_no = NEW.stay_no AND s.discharged_at = NEW.discharged_at AND s.step_no = NEW.step_no
        AND NEW.step_no = OLD.step_no + 1 AND s.from_stage = OLD.stage AND s.to_stage = NEW.stage
        AND s.note = NEW.note
        AND NEW.stage_since = CASE WHEN s.from_stage = s.to_stage THEN OLD.stage_since ELSE s.taken_at END))
    -- When it is due is what its newest clock says.
    OR ((NEW.clock_no, NEW.due_on, NEW.expected_on, NEW.target_at)
        IS DISTINCT FROM (OLD.clock_no, OLD.due_on, OLD.expected_on, OLD.target_at)
      AND NOT EXISTS (SELECT 1 FROM discharge_clock c WHERE c.institution_id = NEW.institution_id
        AND c.stay_no = NEW.stay_no AND c.discharged_at = NEW.discharged_at AND c.clock_no = NEW.clock_no
        AND NEW.clock_no = OLD.clock_no + 1 AND (c.due_on, c.expected_on, c.target_at)
          IS NOT DISTINCT FROM (NEW.due_on, NEW.expected_on, NEW.target_at)))
    OR (NEW.settled_at IS DISTINCT FROM OLD.settled_at AND NEW.settled_at IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
        AND t.discharged_at = NEW.discharged_at AND t.recalled_at IS NULL)) THEN
    RAISE EXCEPTION 'wrong_step: discharge' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION discharge_step_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no
      AND d.discharged_at = NEW.discharged_at AND d.step_no + 1 = NEW.step_no AND d.stage = NEW.from_stage
      AND d.ended_at IS NULL)
    OR (CASE NEW.from_stage
      WHEN 'ward' THEN NEW.to_stage IN ('ward', 'audit')
      WHEN 'audit' THEN NEW.to_stage IN ('audit', 'insurance', 'cashier', 'ward')
      WHEN 'insurance' THEN NEW.to_stage IN ('insurance', 'cashier', 'audit', 'ward')
      WHEN 'cashier' THEN NEW.to_stage IN ('cashier', 'invoice', 'insurance', 'audit', 'ward')
      WHEN 'invoice' THEN NEW.to_stage IN ('invoice', 'done', 'cashier', 'insurance', 'audit')
      WHEN 'done' THEN NEW.to_stage IN ('cashier', 'insurance', 'audit')
      ELSE false END) IS NOT TRUE
    -- The cashier passes on what is settled, nobody takes back what is, and the invoice has its number.
    OR (((NEW.from_stage = 'cashier' AND NEW.to_stage = 'invoice') OR NEW.from_stage IN ('invoice', 'done'))
      AND (NEW.to_stage IN ('invoice', 'done')) IS DISTINCT FROM EXISTS (SELECT 1 FROM settlement t
        WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
          AND t.discharged_at = NEW.discharged_at AND t.recalled_at IS NULL
          AND (NEW.to_stage <> 'done' OR t.invoice_no IS NOT NULL))) THEN
    RAISE EXCEPTION 'wrong_step: discharge_step' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
