-- Returns and applications on PostgreSQL: the same promises as beside it for SQLite.

-- One region has one spelling (narrow, no blanks, whatever its case), a prepayment for all funds stands alone, its year
-- is the one that runs or in December the next, and where the notice bars it nothing of an earlier year is owed. The
-- places with that bar are those whose pack has it: a test holds the two lists together.
CREATE FUNCTION fund_grant_stands_alone() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  filed timestamp := NEW.applied_at AT TIME ZONE 'Asia/Shanghai';
BEGIN
  -- Two at once for one place wait here for each other: neither sees the other's row before its commit.
  PERFORM pg_advisory_xact_lock(hashtextextended('fund_grant:' || NEW.institution_id || ':' || NEW.regime, 0));
  IF NEW.pool_region = '' OR NEW.pool_region IS NOT NFKC NORMALIZED
    OR NEW.pool_region ~ '[[:space:]\u0085\u00a0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u3000\ufeff]'
    OR (NEW.year <= extract(year FROM filed)
        + CASE WHEN NEW.kind = 'procurement' OR extract(month FROM filed) = 12 THEN 1 ELSE 0 END) IS NOT TRUE
    OR (NEW.kind = 'basic' AND NEW.year < extract(year FROM filed))
    OR EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
      AND g.kind = NEW.kind AND g.year = NEW.year AND lower(g.pool_region) = lower(NEW.pool_region)
      AND (g.fund = NEW.fund OR (g.state <> 'declined' AND NEW.kind = 'basic' AND 'all' IN (g.fund, NEW.fund))))
    OR (NEW.kind = 'basic' AND NEW.regime IN ('xizang-prepay-2024', 'zhejiang-prepay-2025') AND EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
        AND g.kind = 'basic' AND g.state = 'received' AND g.year < NEW.year)) THEN
    RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_grant_stands_alone BEFORE INSERT ON fund_grant
  FOR EACH ROW EXECUTE FUNCTION fund_grant_stands_alone();

-- An offset rests on the settlement with its document, day and, of what reached the bank, its slip; a document stands
-- once for a grant. It is recorded by one and decided by another.
CREATE FUNCTION fund_offset_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id FOR UPDATE;
    PERFORM pg_advisory_xact_lock(hashtextextended('fund_offset:' || NEW.institution_id, 0));
    IF NEW.state IS DISTINCT FROM 'recorded' OR NEW.decided_by IS NOT NULL
      OR (NEW.offset_fen > 0 AND NEW.offset_fen <= NEW.settlement_fen AND length(NEW.document_key) > 0
        AND (NEW.offset_fen = NEW.settlement_fen OR length(NEW.bank_reference) > 0)) IS NOT TRUE
      OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.recorded_by)
      OR EXISTS (SELECT 1 FROM fund_offset o WHERE o.institution_id = NEW.institution_id
        AND o.document_key = NEW.document_key AND o.state <> 'rejected'
        AND NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_entry r
          ON r.institution_id = e.institution_id AND r.reverses_no = e.entry_no
          WHERE e.institution_id = o.institution_id AND e.source = 'fund_offset:' || o.offset_id)) THEN
      RAISE EXCEPTION 'wrong_step: fund_offset' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'recorded' AND NEW.state IN ('confirmed', 'rejected') AND NEW.decided_by IS NOT NULL
      AND NEW.decided_at IS NOT NULL) IS NOT TRUE
    OR (to_jsonb(NEW) - 'state' - 'decided_by' - 'decided_at')
      IS DISTINCT FROM (to_jsonb(OLD) - 'state' - 'decided_by' - 'decided_at') THEN
    RAISE EXCEPTION 'wrong_step: fund_offset' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_offset_walk BEFORE INSERT OR UPDATE ON fund_offset
  FOR EACH ROW EXECUTE FUNCTION fund_offset_walk();
CREATE TRIGGER fund_offset_decided_by_another BEFORE UPDATE OF decided_by ON fund_offset
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'recorded_by');

-- A correction is asked for by one and approved by another; of each entry once.
CREATE FUNCTION fund_correction_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id FOR UPDATE;
    IF NEW.state IS DISTINCT FROM 'asked' OR NEW.decided_by IS NOT NULL
      OR (length(NEW.ground) > 0 AND ((NEW.why = 'mistyped' AND NEW.value_on IS NULL)
        OR (NEW.why = 'sent_back' AND NEW.value_on IS NOT NULL AND length(NEW.bank_reference) > 0))) IS NOT TRUE
      OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.asked_by)
      OR NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_posting l
        ON l.institution_id = e.institution_id AND l.entry_no = e.entry_no AND l.fund = NEW.grant_id
        WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND (e.kind = 'fund_return'
          OR (NEW.why = 'mistyped' AND e.kind IN ('fund_receipt', 'fund_offset'))))
      OR EXISTS (SELECT 1 FROM fund_correction c WHERE c.institution_id = NEW.institution_id
        AND c.entry_no = NEW.entry_no AND c.state <> 'rejected') THEN
      RAISE EXCEPTION 'wrong_step: fund_correction' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'asked' AND NEW.state IN ('approved', 'rejected') AND NEW.decided_by IS NOT NULL
      AND NEW.decided_at IS NOT NULL) IS NOT TRUE
    OR (to_jsonb(NEW) - 'state' - 'decided_by' - 'decided_at')
      IS DISTINCT FROM (to_jsonb(OLD) - 'state' - 'decided_by' - 'decided_at') THEN
    RAISE EXCEPTION 'wrong_step: fund_correction' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_correction_walk BEFORE INSERT OR UPDATE ON fund_correction
  FOR EACH ROW EXECUTE FUNCTION fund_correction_walk();
CREATE TRIGGER fund_correction_decided_by_another BEFORE UPDATE OF decided_by ON fund_correction
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'asked_by');

-- What is owed falls against the receivable only by a confirmed offset, once, by its sums. Receipt, return and offset
-- are mirrored by an approved correction and by nothing else; such a mirror may let what is owed rise again.
ALTER FUNCTION fund_lines_stand(text, bigint, text, text, bigint, text) RENAME TO fund_lines_rise;

CREATE FUNCTION fund_is_correction(p_institution text, p_kind text, p_source text, p_reverses bigint)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM fund_correction c JOIN ledger_entry o
    ON o.institution_id = c.institution_id AND o.entry_no = c.entry_no
    WHERE c.institution_id = p_institution AND 'fund_correction:' || c.correction_id = p_source
      AND c.entry_no = p_reverses AND c.state = 'approved' AND p_kind = o.kind || '_undone')
$$;

CREATE FUNCTION fund_lines_stand(
  p_institution text, p_entry bigint, p_kind text, p_source text, p_reverses bigint, p_fund text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE
    WHEN fund_is_correction(p_institution, p_kind, p_source, p_reverses)
      THEN fund_lines_match(p_institution, p_entry, p_kind, p_source, p_reverses, p_fund)
    WHEN p_kind IN ('fund_receipt_undone', 'fund_return_undone', 'fund_offset_undone') OR EXISTS (
      SELECT 1 FROM ledger_entry o WHERE o.institution_id = p_institution AND o.entry_no = p_reverses
        AND o.kind IN ('fund_receipt', 'fund_return', 'fund_offset')) THEN false
    ELSE fund_lines_rise(p_institution, p_entry, p_kind, p_source, p_reverses, p_fund)
      AND (p_reverses IS NOT NULL OR q.received_lines = 0 OR (
        EXISTS (SELECT 1 FROM fund_offset o WHERE o.institution_id = p_institution
          AND 'fund_offset:' || o.offset_id = p_source AND p_kind = 'fund_offset' AND o.state = 'confirmed'
          AND o.grant_id = p_fund AND o.settlement_fen = q.received AND o.offset_fen = q.fall)
        AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = p_institution
          AND e.source = p_source AND e.kind = 'fund_offset' AND e.entry_no <> p_entry)))
  END
  FROM (
    SELECT count(*) FILTER (WHERE a.subject = '12120201') AS received_lines,
      coalesce(sum(l.credit_fen - l.debit_fen) FILTER (WHERE a.subject = '12120201'), 0) AS received,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.subject = '23050101'), 0) AS fall
    FROM ledger_posting l JOIN ledger_account a USING (institution_id, account_id)
    WHERE l.institution_id = p_institution AND l.entry_no = p_entry) q
$$;

-- A slip's number stands for one movement of the institution. What mirrors an entry may repeat that one's number, and
-- the number of an entry that was typed wrongly is free again; not so of money that the bank sent back.
CREATE FUNCTION fund_bank_evidence_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('slip:' || NEW.institution_id || ':' || NEW.reference, 0));
  IF EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = NEW.institution_id
      AND b.reference = NEW.reference
      AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.entry_no = NEW.entry_no AND e.reverses_no = b.entry_no)
      AND NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN fund_correction c
        ON c.institution_id = e.institution_id AND 'fund_correction:' || c.correction_id = e.source
        WHERE e.institution_id = NEW.institution_id AND e.reverses_no = b.entry_no AND c.why = 'mistyped')) THEN
    RAISE EXCEPTION 'append_only: fund_bank_evidence' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_bank_evidence_once BEFORE INSERT ON fund_bank_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_bank_evidence_once();

CREATE FUNCTION fund_slip_check_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF length(NEW.document) = 0 OR NOT EXISTS (
    SELECT 1 FROM fund_bank_evidence b JOIN staff_user u
      ON u.institution_id = b.institution_id AND u.user_id = NEW.checked_by
    WHERE b.institution_id = NEW.institution_id AND b.entry_no = NEW.entry_no AND b.kind = 'fund_return'
      AND lower(btrim(b.recorded_by)) <> lower(btrim(NEW.checked_by))) THEN
    RAISE EXCEPTION 'second_person: fund_slip_check' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_slip_check_joins BEFORE INSERT ON fund_slip_check
  FOR EACH ROW EXECUTE FUNCTION fund_slip_check_joins();

-- As in 0007; beside that a grant whose receipt was taken back waits for it again, and one that is owed again goes on.
CREATE OR REPLACE FUNCTION fund_grant_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state IS DISTINCT FROM 'applied' OR NEW.recorded_by IS NOT NULL THEN
      RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('applied', 'approved'), ('applied', 'declined'), ('approved', 'withheld'),
        ('withheld', 'approved'), ('approved', 'received'), ('received', 'cleared'), ('received', 'approved'),
        ('cleared', 'received'))) IS NOT TRUE
    OR (NEW.institution_id, NEW.grant_id, NEW.regime, NEW.pool_region, NEW.fund, NEW.year, NEW.kind, NEW.applied_fen,
        NEW.decision_id, NEW.applied_by, NEW.applied_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.grant_id, OLD.regime, OLD.pool_region, OLD.fund, OLD.year, OLD.kind, OLD.applied_fen,
        OLD.decision_id, OLD.applied_by, OLD.applied_at)
    OR (OLD.state <> 'applied' AND (NEW.approved_fen, NEW.approved_on, NEW.recorded_by)
        IS DISTINCT FROM (OLD.approved_fen, OLD.approved_on, OLD.recorded_by))
    OR ((NEW.state = 'cleared' OR (OLD.state = 'received' AND NEW.state = 'approved'))
        AND EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
          AND a.fund = NEW.grant_id AND a.balance_fen <> 0))
    OR (OLD.state = 'received' AND NEW.state = 'approved'
        AND (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
            AND e.kind = 'fund_receipt' AND e.source = 'grant:' || NEW.grant_id)
          <> (SELECT count(*) FROM ledger_entry e JOIN fund_correction c ON c.institution_id = e.institution_id
            AND 'fund_correction:' || c.correction_id = e.source
            WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_receipt_undone'
              AND c.grant_id = NEW.grant_id))
    OR (OLD.state = 'cleared' AND (NEW.cleared_at IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
          AND a.account_id = '23050101:' || NEW.grant_id AND a.balance_fen > 0))) THEN
    RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
