-- What is withdrawn is the application as it stands, while nobody recorded what became of it.
CREATE TRIGGER fund_application_withdrawn_stands BEFORE INSERT ON fund_application_withdrawn BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_application_withdrawn') WHERE NOT EXISTS (
    SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
      AND g.state = 'applied' AND g.kind = 'basic' AND g.decision_id = NEW.decision_id
      AND g.applied_fen = NEW.applied_fen AND g.applied_by = NEW.applied_by AND g.applied_at = NEW.applied_at)
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.withdrawn_by)
    OR EXISTS (SELECT 1 FROM fund_application_withdrawn x WHERE x.institution_id IS NEW.institution_id
      AND x.grant_id IS NEW.grant_id AND x.withdrawn_no IS NEW.withdrawn_no);
END;

-- The walk as before, to a withdrawn application (declined, recorded by nobody) and from there to a new one.
CREATE TRIGGER fund_grant_walk BEFORE UPDATE ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE
    NOT ((OLD.state = 'applied' AND NEW.state = 'approved')
      OR (OLD.state = 'applied' AND NEW.state = 'declined' AND (NEW.recorded_by IS NOT NULL
        OR EXISTS (SELECT 1 FROM fund_application_withdrawn w WHERE w.institution_id = NEW.institution_id
          AND w.grant_id = NEW.grant_id AND w.decision_id = OLD.decision_id)))
      OR (OLD.state = 'declined' AND NEW.state = 'applied' AND OLD.recorded_by IS NULL AND NEW.recorded_by IS NULL
        AND NEW.kind = 'basic' AND NEW.approved_fen IS NULL AND NEW.decision_id IS NOT OLD.decision_id AND NEW.applied_at >= OLD.applied_at)
      OR (OLD.state = 'approved' AND NEW.state IN ('withheld', 'received'))
      OR (OLD.state = 'withheld' AND NEW.state = 'approved') OR (OLD.state = 'received' AND NEW.state = 'cleared')
      OR (OLD.state = 'approved' AND NEW.state = 'applied' AND NEW.approved_fen IS NULL
        AND NEW.approved_on IS NULL AND NEW.recorded_by IS NULL AND NEW.recorded_at IS NULL
        AND NEW.approval_document = '' AND EXISTS (SELECT 1 FROM fund_approval_withdrawn w
          WHERE w.institution_id = NEW.institution_id AND w.grant_id = NEW.grant_id
            AND w.approved_fen = OLD.approved_fen AND w.recorded_by = OLD.recorded_by
            AND w.recorded_at = OLD.recorded_at))
      OR (OLD.state = 'received' AND NEW.state = 'approved' AND NOT EXISTS (SELECT 1 FROM ledger_account a
          WHERE a.institution_id = NEW.institution_id AND a.fund = NEW.grant_id AND a.balance_fen <> 0)
        AND (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
            AND e.kind = 'fund_receipt' AND e.source = 'grant:' || NEW.grant_id)
          = (SELECT count(*) FROM ledger_entry e JOIN fund_correction c ON c.institution_id = e.institution_id
            AND 'fund_correction:' || c.correction_id = e.source
            WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_receipt_undone'
              AND c.grant_id = NEW.grant_id))
      OR (OLD.state = 'cleared' AND NEW.state = 'received' AND NEW.cleared_at IS NULL
        AND EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
          AND a.account_id = '23050101:' || NEW.grant_id AND a.balance_fen > 0)))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.grant_id IS NOT OLD.grant_id
    OR NEW.regime IS NOT OLD.regime OR NEW.pool_region IS NOT OLD.pool_region OR NEW.fund IS NOT OLD.fund
    OR NEW.year IS NOT OLD.year OR NEW.kind IS NOT OLD.kind
    OR (OLD.state <> 'declined' AND (NEW.applied_fen IS NOT OLD.applied_fen
      OR NEW.decision_id IS NOT OLD.decision_id OR NEW.applied_by IS NOT OLD.applied_by
      OR NEW.applied_at IS NOT OLD.applied_at))
    OR (OLD.state <> 'applied' AND NEW.state <> 'applied' AND (NEW.approved_fen IS NOT OLD.approved_fen
      OR NEW.approved_on IS NOT OLD.approved_on OR NEW.recorded_by IS NOT OLD.recorded_by))
    OR (NEW.state = 'cleared' AND EXISTS (SELECT 1 FROM ledger_account a
      WHERE a.institution_id = NEW.institution_id AND a.fund = NEW.grant_id AND a.balance_fen <> 0));
END;

-- Filed again it is held to what a first application is: its year is open, nothing stands beside one for all funds, and
-- where the notice bars it nothing of an earlier year is owed.
CREATE TRIGGER fund_grant_filed_again BEFORE UPDATE ON fund_grant
  WHEN OLD.state = 'declined' AND NEW.state = 'applied' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE
    (NEW.year BETWEEN CAST(strftime('%Y', NEW.applied_at, '+8 hours') AS INTEGER)
      AND CAST(strftime('%Y', NEW.applied_at, '+8 hours') AS INTEGER)
        + (strftime('%m', NEW.applied_at, '+8 hours') = '12')) IS NOT 1
    OR NEW.applied_fen IS NULL OR NEW.applied_fen <= 0
    OR EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
      AND g.kind = NEW.kind AND g.year = NEW.year AND lower(g.pool_region) = lower(NEW.pool_region)
      AND g.grant_id <> NEW.grant_id AND g.state <> 'declined' AND 'all' IN (g.fund, NEW.fund))
    OR (NEW.regime IN ('xizang-prepay-2024', 'zhejiang-prepay-2025') AND EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
        AND g.kind = 'basic' AND g.state = 'received' AND g.year < NEW.year));
END;
