-- Returns and applications on SQLite: the same promises as beside it for PostgreSQL.

-- One region has one spelling (narrow, no blanks, whatever its case), a prepayment for all funds stands alone, its year
-- is the one that runs or in December the next, and where the notice bars it nothing of an earlier year is owed. The
-- places with that bar are those whose pack has it: a test holds the two lists together.
CREATE TRIGGER fund_grant_stands_alone BEFORE INSERT ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE
    NEW.pool_region = '' OR NEW.pool_region GLOB '*[' || char(9, 10, 11, 12, 13, 32, 133, 160, 5760, 8232, 8233, 8239,
      8287, 12288, 65279) || char(8192) || '-' || char(8207) || char(65281) || '-' || char(65374) || ']*'
    OR (NEW.year <= CAST(strftime('%Y', NEW.applied_at, '+8 hours') AS INTEGER)
        + (NEW.kind = 'procurement' OR strftime('%m', NEW.applied_at, '+8 hours') = '12')) IS NOT 1
    OR (NEW.kind = 'basic' AND NEW.year < CAST(strftime('%Y', NEW.applied_at, '+8 hours') AS INTEGER))
    OR EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
      AND g.kind = NEW.kind AND g.year = NEW.year AND lower(g.pool_region) = lower(NEW.pool_region)
      AND (g.fund = NEW.fund OR (g.state <> 'declined' AND NEW.kind = 'basic' AND 'all' IN (g.fund, NEW.fund))))
    OR (NEW.kind = 'basic' AND NEW.regime IN ('xizang-prepay-2024', 'zhejiang-prepay-2025') AND EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
        AND g.kind = 'basic' AND g.state = 'received' AND g.year < NEW.year));
END;
