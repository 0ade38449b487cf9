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

-- Said once, by somebody of the house, with a ground.
CREATE FUNCTION fund_rejection_explained_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.said_by) THEN
    RAISE EXCEPTION 'maker: fund_rejection_explained' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_rejection_explained_joins BEFORE INSERT ON fund_rejection_explained
  FOR EACH ROW EXECUTE FUNCTION fund_rejection_explained_joins();

CREATE TRIGGER fund_rejection_explained_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON fund_rejection_explained
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
