-- Taking back late discharges, on PostgreSQL. A late discharge is taken back by hand only with what one person asked
-- for and another, on the staff, agreed to in the same moment; what another system says is taken as it is. No
-- discharge ends but by a message. One whose insured class nobody named doesn't get past the insurance office.

CREATE FUNCTION take_back_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['state', 'decided_by', 'decided_at', 'answer'];
  stands boolean := EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id
    AND d.stay_no = NEW.stay_no AND d.discharged_at = NEW.discharged_at AND d.ended_at IS NULL);
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (stands AND NEW.state = 'asked' AND NEW.answer IS NULL
        AND NEW.ask_no = 1 + (SELECT count(*) FROM take_back t WHERE t.institution_id = NEW.institution_id
          AND t.stay_no = NEW.stay_no AND t.discharged_at = NEW.discharged_at)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: take_back' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (to_jsonb(NEW) - free) IS DISTINCT FROM (to_jsonb(OLD) - free) THEN
    RAISE EXCEPTION 'append_only: take_back' USING ERRCODE = 'HP001';
  END IF;
  -- Decided once, while the discharge stands, by somebody on the staff who isn't the one who asked.
  IF (stands AND OLD.state = 'asked' AND NEW.state IN ('agreed', 'refused')
      AND lower(btrim(coalesce(NEW.decided_by, ''))) <> lower(btrim(OLD.asked_by))
      AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.decided_by)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: take_back' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER take_back_walk BEFORE INSERT OR UPDATE ON take_back
  FOR EACH ROW EXECUTE FUNCTION take_back_walk();

CREATE FUNCTION visit_message_by_hand() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.visit_no
      AND d.ended_at IS NULL
      AND d.expected_on < timezone('Asia/Shanghai', coalesce(d.settled_at, NEW.received_at))::date
      AND NOT EXISTS (SELECT 1 FROM take_back t WHERE t.institution_id = d.institution_id AND t.stay_no = d.stay_no
        AND t.discharged_at = d.discharged_at AND t.state = 'agreed' AND t.decided_by = NEW.received_by
        AND t.decided_at = NEW.received_at)) THEN
    RAISE EXCEPTION 'wrong_step: visit_message' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER visit_message_by_hand BEFORE INSERT ON visit_message FOR EACH ROW
  WHEN (NEW.source = 'hand' AND NEW.event IN ('cancel_discharge', 'cancel_admit', 'discharge'))
  EXECUTE FUNCTION visit_message_by_hand();

CREATE FUNCTION discharge_step_class() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no
      AND d.discharged_at = NEW.discharged_at AND d.class_known IS NOT TRUE) THEN
    RAISE EXCEPTION 'wrong_step: discharge_step' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER discharge_step_class BEFORE INSERT ON discharge_step FOR EACH ROW
  WHEN (NEW.to_stage = 'cashier' AND NEW.from_stage IN ('audit', 'insurance'))
  EXECUTE FUNCTION discharge_step_class();
