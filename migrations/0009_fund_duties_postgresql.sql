-- The duties of the restricted fund on PostgreSQL: what is written walks forward and is never written over.

-- A place is proposed, then confirmed or declined, once.
CREATE FUNCTION fund_place_walk() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'proposed' AND NEW.decided_by IS NULL) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: fund_place' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'proposed' AND NEW.state IN ('confirmed', 'declined')) IS NOT TRUE
    OR (NEW.institution_id, NEW.place_no, NEW.regime, NEW.pool_region, NEW.from_year, NEW.stands, NEW.proposed_by,
        NEW.proposed_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.place_no, OLD.regime, OLD.pool_region, OLD.from_year, OLD.stands, OLD.proposed_by,
        OLD.proposed_at) THEN
    RAISE EXCEPTION 'wrong_step: fund_place' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_place_walk BEFORE INSERT OR UPDATE ON fund_place FOR EACH ROW EXECUTE FUNCTION fund_place_walk();

-- Steps of a duty are counted from 1 without a hole; that closing and withdrawing take turns is a check of the row.
CREATE FUNCTION fund_duty_closure_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.step_no = 1 + (SELECT count(*) FROM fund_duty_closure c WHERE c.institution_id = NEW.institution_id
      AND c.duty_key = NEW.duty_key)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: fund_duty_closure' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_duty_closure_joins BEFORE INSERT ON fund_duty_closure
  FOR EACH ROW EXECUTE FUNCTION fund_duty_closure_joins();

-- A subscription is revoked once and for good.
CREATE FUNCTION fund_calendar_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.revoked_at IS NOT NULL THEN
      RAISE EXCEPTION 'wrong_step: fund_calendar' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
    OR (NEW.institution_id, NEW.token_hash, NEW.user_id, NEW.made_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.token_hash, OLD.user_id, OLD.made_at) THEN
    RAISE EXCEPTION 'wrong_step: fund_calendar' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_calendar_walk BEFORE INSERT OR UPDATE ON fund_calendar
  FOR EACH ROW EXECUTE FUNCTION fund_calendar_walk();
