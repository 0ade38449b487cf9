-- Applications and what belongs to them on PostgreSQL.

-- A document of an emergency is recorded by one person and used by another, in its own place and year.
CREATE FUNCTION fund_application_second_person() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.emergency_id IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM fund_emergency e WHERE e.institution_id = NEW.institution_id
        AND e.emergency_id = NEW.emergency_id AND e.regime = NEW.regime AND e.year = NEW.year
        AND e.recorded_by <> NEW.applied_by) THEN
    RAISE EXCEPTION 'wrong_step: fund_application' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_application_second_person BEFORE INSERT ON fund_application
  FOR EACH ROW EXECUTE FUNCTION fund_application_second_person();

-- A procurement prepayment has its document before it is approved; no other grant has one.
CREATE FUNCTION fund_procurement_kind() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
        AND g.kind = 'procurement' AND g.state = 'applied') THEN
    RAISE EXCEPTION 'wrong_step: fund_procurement' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_procurement_kind BEFORE INSERT ON fund_procurement
  FOR EACH ROW EXECUTE FUNCTION fund_procurement_kind();

-- Of a procurement prepayment only centrally procured drugs and consumables with a platform order are paid.
CREATE FUNCTION fund_request_line_procurement() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.outcome = 'refused' OR (NEW.batch <> '' AND NEW.order_no <> '' AND NEW.category IN ('consumable', 'drug')))
      IS NOT TRUE AND EXISTS (
      SELECT 1 FROM fund_request r JOIN fund_grant g USING (institution_id, grant_id)
      WHERE r.institution_id = NEW.institution_id AND r.request_id = NEW.request_id AND g.kind = 'procurement') THEN
    RAISE EXCEPTION 'wrong_step: fund_request_line' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_request_line_procurement BEFORE INSERT ON fund_request_line
  FOR EACH ROW EXECUTE FUNCTION fund_request_line_procurement();
