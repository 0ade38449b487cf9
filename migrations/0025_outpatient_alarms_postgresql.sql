-- Whoever confirms a claim with alarms has answered every one of them; a card of staff is never paid.
CREATE FUNCTION outpatient_claim_alarms() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.state = 'confirmed' AND (SELECT count(*) FROM outpatient_alarm a
      WHERE a.institution_id = NEW.institution_id AND a.claim_id = NEW.claim_id) <> coalesce((
      SELECT max(w.alarms) FROM outpatient_alarm_answer w
      WHERE w.institution_id = NEW.institution_id AND w.claim_id = NEW.claim_id
        AND w.answered_by = NEW.confirmed_by), 0) THEN
    RAISE EXCEPTION 'alarm: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  IF NEW.state IN ('confirmed', 'sent') AND NEW.route = 'bank' AND EXISTS (SELECT 1 FROM outpatient_staff_card s
      WHERE s.institution_id = NEW.institution_id AND s.card_hash = NEW.card_hash AND s.removed_at IS NULL) THEN
    RAISE EXCEPTION 'staff_card: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_alarms BEFORE UPDATE OF state ON outpatient_claim
  FOR EACH ROW EXECUTE FUNCTION outpatient_claim_alarms();

CREATE FUNCTION outpatient_alarm_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.alarm_no = 1 + (SELECT count(*) FROM outpatient_alarm a
      WHERE a.institution_id = NEW.institution_id AND a.claim_id = NEW.claim_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_alarm' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_alarm_joins BEFORE INSERT ON outpatient_alarm
  FOR EACH ROW EXECUTE FUNCTION outpatient_alarm_joins();

CREATE FUNCTION outpatient_alarm_answer_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.answer_no = 1 + (SELECT count(*) FROM outpatient_alarm_answer w
      WHERE w.institution_id = NEW.institution_id AND w.claim_id = NEW.claim_id)
    AND NEW.alarms = (SELECT count(*) FROM outpatient_alarm a
      WHERE a.institution_id = NEW.institution_id AND a.claim_id = NEW.claim_id)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_alarm_answer' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_alarm_answer_joins BEFORE INSERT ON outpatient_alarm_answer
  FOR EACH ROW EXECUTE FUNCTION outpatient_alarm_answer_joins();

CREATE FUNCTION outpatient_staff_card_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['removed_by', 'removed_at', 'ground'];
BEGIN
  IF (CASE WHEN TG_OP = 'INSERT' THEN NEW.removed_at IS NULL
    ELSE OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL
      AND (to_jsonb(NEW) - free) = (to_jsonb(OLD) - free) END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_staff_card' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_staff_card_walk BEFORE INSERT OR UPDATE ON outpatient_staff_card
  FOR EACH ROW EXECUTE FUNCTION outpatient_staff_card_walk();
