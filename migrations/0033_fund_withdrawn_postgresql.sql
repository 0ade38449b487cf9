-- What is withdrawn is the application as it stands, while nobody recorded what became of it.
CREATE FUNCTION fund_application_withdrawn_stands() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
        AND g.state = 'applied' AND g.kind = 'basic' AND g.decision_id = NEW.decision_id
        AND g.applied_fen = NEW.applied_fen AND g.applied_by = NEW.applied_by AND g.applied_at = NEW.applied_at)
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.withdrawn_by) THEN
    RAISE EXCEPTION 'wrong_step: fund_application_withdrawn' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_application_withdrawn_stands BEFORE INSERT ON fund_application_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_application_withdrawn_stands();

-- The walk as before, to a withdrawn application (declined, recorded by nobody) and from there to a new one.
CREATE OR REPLACE FUNCTION fund_grant_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  taken_back boolean := false;
  withdrawn boolean := false;
  filed_again boolean := false;
  filed timestamp := NEW.applied_at AT TIME ZONE 'Asia/Shanghai';
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
  IF OLD.state = 'applied' AND NEW.state = 'declined' THEN
    withdrawn := NEW.recorded_by IS NOT NULL OR EXISTS (SELECT 1 FROM fund_application_withdrawn w
      WHERE w.institution_id = NEW.institution_id AND w.grant_id = NEW.grant_id AND w.decision_id = OLD.decision_id);
  END IF;
  -- Filed again it is held to what a first application is: its year is open, nothing stands beside one for all funds,
  -- and where the notice bars it nothing of an earlier year is owed.
  IF OLD.state = 'declined' AND NEW.state = 'applied' THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('fund_grant:' || NEW.institution_id || ':' || NEW.regime, 0));
    filed_again := OLD.recorded_by IS NULL AND NEW.recorded_by IS NULL AND NEW.kind = 'basic'
      AND NEW.decision_id <> OLD.decision_id AND NEW.applied_at >= OLD.applied_at
      AND NEW.year BETWEEN extract(year FROM filed)
        AND extract(year FROM filed) + CASE WHEN extract(month FROM filed) = 12 THEN 1 ELSE 0 END
      AND NOT EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
        AND g.regime = NEW.regime AND g.kind = NEW.kind AND g.year = NEW.year
        AND lower(g.pool_region) = lower(NEW.pool_region) AND g.grant_id <> NEW.grant_id
        AND g.state <> 'declined' AND 'all' IN (g.fund, NEW.fund))
      AND NOT (NEW.regime IN ('xizang-prepay-2024', 'zhejiang-prepay-2025') AND EXISTS (
        SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
          AND g.kind = 'basic' AND g.state = 'received' AND g.year < NEW.year));
  END IF;
  IF (taken_back OR withdrawn OR filed_again OR (OLD.state, NEW.state) IN (('applied', 'approved'),
        ('approved', 'withheld'), ('withheld', 'approved'), ('approved', 'received'), ('received', 'cleared'),
        ('received', 'approved'), ('cleared', 'received'))) IS NOT TRUE
    OR (NEW.institution_id, NEW.grant_id, NEW.regime, NEW.pool_region, NEW.fund, NEW.year, NEW.kind) IS DISTINCT FROM
       (OLD.institution_id, OLD.grant_id, OLD.regime, OLD.pool_region, OLD.fund, OLD.year, OLD.kind)
    OR (NOT filed_again AND (NEW.applied_fen, NEW.decision_id, NEW.applied_by, NEW.applied_at) IS DISTINCT FROM
       (OLD.applied_fen, OLD.decision_id, OLD.applied_by, OLD.applied_at))
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
