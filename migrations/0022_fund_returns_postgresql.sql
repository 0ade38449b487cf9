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
