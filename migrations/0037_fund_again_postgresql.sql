-- A ground that ended because everything was given back stands again before the grant may be owed again.
CREATE FUNCTION fund_grant_owed_again() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fund_recall r
      WHERE r.institution_id = NEW.institution_id AND r.regime = NEW.regime AND r.state = 'returned'
        AND r.ended_at >= OLD.cleared_at
        AND NOT EXISTS (SELECT 1 FROM fund_recall s WHERE s.institution_id = r.institution_id
          AND s.regime = r.regime AND s.state = 'standing' AND s.ground IS NOT DISTINCT FROM r.ground
          AND s.document = r.document)) THEN
    RAISE EXCEPTION 'recall_stands: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_grant_owed_again BEFORE UPDATE OF state ON fund_grant FOR EACH ROW
  WHEN (OLD.state = 'cleared' AND NEW.state = 'received' AND NEW.kind = 'basic')
  EXECUTE FUNCTION fund_grant_owed_again();
