-- What stands beside the clocks, on PostgreSQL. An excuse is asked by one person and decided by another, once, and
-- accepted by the rule only; who was told and what was counted is never rewritten.

CREATE FUNCTION lateness_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['excuse', 'asked_by', 'asked_at', 'decided_by', 'decided_at', 'answer', 'decision_id'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.lateness_no IS DISTINCT FROM 1 + (SELECT count(*) FROM lateness l
          WHERE l.institution_id = NEW.institution_id AND l.stay_no = NEW.stay_no
            AND l.discharged_at = NEW.discharged_at)
        OR NEW.excuse NOT IN ('none', 'asked') OR num_nonnulls(NEW.answer, NEW.decision_id) > 0
        OR NOT EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id
          AND d.stay_no = NEW.stay_no AND d.discharged_at = NEW.discharged_at AND d.ended_at IS NULL) THEN
      RAISE EXCEPTION 'wrong_step: lateness' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(NEW) - free) IS DISTINCT FROM (to_jsonb(OLD) - free) THEN
    RAISE EXCEPTION 'append_only: lateness' USING ERRCODE = 'HP001';
  END IF;
  IF (OLD.excuse = 'none' AND NEW.excuse = 'asked' AND num_nonnulls(NEW.answer, NEW.decision_id) = 0) THEN
    RETURN NEW;
  END IF;
  IF (OLD.excuse = 'asked' AND NEW.excuse IN ('accepted', 'refused')
      AND (NEW.asked_by, NEW.asked_at) IS NOT DISTINCT FROM (OLD.asked_by, OLD.asked_at)
      AND lower(btrim(coalesce(NEW.decided_by, ''))) <> lower(btrim(OLD.asked_by))
      AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.decided_by)
      AND (NEW.excuse = 'refused' OR EXISTS (SELECT 1 FROM decision d WHERE d.institution_id = NEW.institution_id
        AND d.decision_id = NEW.decision_id AND d.rule = 'settlement.excuse' AND d.outcome = 'permitted')))
      IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: lateness' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER lateness_walk BEFORE INSERT OR UPDATE ON lateness
  FOR EACH ROW EXECUTE FUNCTION lateness_walk();

CREATE FUNCTION escalation_insert() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no
      AND d.discharged_at = NEW.discharged_at AND d.ended_at IS NULL AND d.settled_at IS NULL
      AND d.stage = NEW.stage AND d.expected_on = NEW.expected_on) THEN
    RAISE EXCEPTION 'wrong_step: escalation' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER escalation_insert BEFORE INSERT ON escalation
  FOR EACH ROW EXECUTE FUNCTION escalation_insert();

CREATE FUNCTION channel_count_insert() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.count_no IS DISTINCT FROM 1 + (SELECT count(*) FROM channel_count c
      WHERE c.institution_id = NEW.institution_id AND c.period = NEW.period AND c.service = NEW.service
        AND c.channel = NEW.channel) THEN
    RAISE EXCEPTION 'append_only: channel_count' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER channel_count_insert BEFORE INSERT ON channel_count
  FOR EACH ROW EXECUTE FUNCTION channel_count_insert();
