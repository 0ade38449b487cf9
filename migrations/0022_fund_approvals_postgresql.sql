-- What is taken back is the approval that stands, with its own figures; nothing of it was received yet.
CREATE FUNCTION fund_approval_withdrawn_stands() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
        AND g.state = 'approved' AND g.approved_fen = NEW.approved_fen AND g.approved_on = NEW.approved_on
        AND g.approval_document = NEW.approval_document AND g.recorded_by = NEW.recorded_by
        AND g.recorded_at = NEW.recorded_at) THEN
    RAISE EXCEPTION 'wrong_step: fund_approval_withdrawn' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_approval_withdrawn_stands BEFORE INSERT ON fund_approval_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_approval_withdrawn_stands();

-- The walk as before, and back to the application once the approval was taken back and leaves nothing behind.
CREATE OR REPLACE FUNCTION fund_grant_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  taken_back boolean := false;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state IS DISTINCT FROM 'applied' OR NEW.recorded_by IS NOT NULL THEN
      RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state = 'approved' AND NEW.state = 'applied' THEN
    taken_back := (NEW.approved_fen IS NULL AND NEW.approved_on IS NULL AND NEW.recorded_by IS NULL
      AND NEW.recorded_at IS NULL AND NEW.approval_document = ''
      AND EXISTS (SELECT 1 FROM fund_approval_withdrawn w WHERE w.institution_id = NEW.institution_id
        AND w.grant_id = NEW.grant_id AND w.approved_fen = OLD.approved_fen AND w.recorded_by = OLD.recorded_by
        AND w.recorded_at = OLD.recorded_at));
  END IF;
  IF (taken_back OR (OLD.state, NEW.state) IN (('applied', 'approved'), ('applied', 'declined'),
        ('approved', 'withheld'), ('withheld', 'approved'), ('approved', 'received'), ('received', 'cleared'),
        ('received', 'approved'), ('cleared', 'received'))) IS NOT TRUE
    OR (NEW.institution_id, NEW.grant_id, NEW.regime, NEW.pool_region, NEW.fund, NEW.year, NEW.kind, NEW.applied_fen,
        NEW.decision_id, NEW.applied_by, NEW.applied_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.grant_id, OLD.regime, OLD.pool_region, OLD.fund, OLD.year, OLD.kind, OLD.applied_fen,
        OLD.decision_id, OLD.applied_by, OLD.applied_at)
    OR (OLD.state <> 'applied' AND NOT taken_back AND (NEW.approved_fen, NEW.approved_on, NEW.recorded_by)
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
