-- Applications and what belongs to them on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER fund_application_second_person BEFORE INSERT ON fund_application BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_application') WHERE NEW.emergency_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM fund_emergency e WHERE e.institution_id = NEW.institution_id
      AND e.emergency_id = NEW.emergency_id AND e.regime = NEW.regime AND e.year = NEW.year
      AND e.recorded_by <> NEW.applied_by);
END;

CREATE TRIGGER fund_procurement_kind BEFORE INSERT ON fund_procurement BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_procurement') WHERE NOT EXISTS (
    SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
      AND g.kind = 'procurement' AND g.state = 'applied');
END;

CREATE TRIGGER fund_request_line_procurement BEFORE INSERT ON fund_request_line BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_request_line') WHERE NEW.outcome <> 'refused'
    AND (NEW.batch = '' OR NEW.order_no = '' OR NEW.category NOT IN ('consumable', 'drug')) AND EXISTS (
      SELECT 1 FROM fund_request r JOIN fund_grant g
        ON g.institution_id = r.institution_id AND g.grant_id = r.grant_id
      WHERE r.institution_id = NEW.institution_id AND r.request_id = NEW.request_id AND g.kind = 'procurement');
END;
