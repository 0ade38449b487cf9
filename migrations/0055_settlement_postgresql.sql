-- Discharges on PostgreSQL. A message that was kept aside is applied or dropped, once, by somebody. Where a discharge
-- stands is what its newest step says, when it is due what its newest clock says; both are only ever added to.

-- Who lies in a stay is what was registered, until a message on the visit says otherwise.
CREATE FUNCTION stay_as_said() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM visit_message m WHERE m.institution_id = NEW.institution_id
      AND m.visit_no = NEW.stay_no AND m.state = 'applied') THEN
    RAISE EXCEPTION 'append_only: stay' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stay_as_said BEFORE UPDATE OF patient_name, initials, sex ON stay
  FOR EACH ROW EXECUTE FUNCTION stay_as_said();

CREATE FUNCTION visit_message_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['event', 'visit_no', 'occurred_at', 'sent_at', 'facts_enc', 'raw_enc', 'state', 'reason_code',
    'reason', 'decided_by', 'decided_at'];
BEGIN
  IF (OLD.state = 'quarantined' AND num_nonnulls(NEW.decided_by, NEW.decided_at) = 2
    AND (to_jsonb(NEW) - free) = (to_jsonb(OLD) - free)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: visit_message' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER visit_message_walk BEFORE UPDATE ON visit_message
  FOR EACH ROW EXECUTE FUNCTION visit_message_walk();

CREATE FUNCTION discharge_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.stage = 'ward' AND NEW.step_no = 0 AND NEW.clock_no = 0 AND NEW.note = ''
      AND num_nonnulls(NEW.due_on, NEW.expected_on, NEW.target_at, NEW.settled_at) = 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: discharge' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.institution_id, NEW.stay_no, NEW.discharged_at)
      IS DISTINCT FROM (OLD.institution_id, OLD.stay_no, OLD.discharged_at)
    -- Where it stands is what its newest step says.
    OR ((NEW.stage, NEW.stage_since, NEW.note, NEW.step_no)
        IS DISTINCT FROM (OLD.stage, OLD.stage_since, OLD.note, OLD.step_no)
      AND NOT EXISTS (SELECT 1 FROM discharge_step s WHERE s.institution_id = NEW.institution_id
        AND s.stay_no = NEW.stay_no AND s.discharged_at = NEW.discharged_at AND s.step_no = NEW.step_no
        AND NEW.step_no = OLD.step_no + 1 AND s.from_stage = OLD.stage AND s.to_stage = NEW.stage
        AND s.note = NEW.note
        AND NEW.stage_since = CASE WHEN s.from_stage = s.to_stage THEN OLD.stage_since ELSE s.taken_at END))
    -- When it is due is what its newest clock says.
    OR ((NEW.clock_no, NEW.due_on, NEW.expected_on, NEW.target_at)
        IS DISTINCT FROM (OLD.clock_no, OLD.due_on, OLD.expected_on, OLD.target_at)
      AND NOT EXISTS (SELECT 1 FROM discharge_clock c WHERE c.institution_id = NEW.institution_id
        AND c.stay_no = NEW.stay_no AND c.discharged_at = NEW.discharged_at AND c.clock_no = NEW.clock_no
        AND NEW.clock_no = OLD.clock_no + 1 AND (c.due_on, c.expected_on, c.target_at)
          IS NOT DISTINCT FROM (NEW.due_on, NEW.expected_on, NEW.target_at))) THEN
    RAISE EXCEPTION 'wrong_step: discharge' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER discharge_walk BEFORE INSERT OR UPDATE ON discharge
  FOR EACH ROW EXECUTE FUNCTION discharge_walk();

CREATE FUNCTION discharge_clock_counts() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.clock_no IS DISTINCT FROM 1 + (SELECT count(*) FROM discharge_clock c
    WHERE c.institution_id = NEW.institution_id AND c.stay_no = NEW.stay_no
      AND c.discharged_at = NEW.discharged_at) THEN
    RAISE EXCEPTION 'append_only: discharge_clock' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER discharge_clock_counts BEFORE INSERT ON discharge_clock
  FOR EACH ROW EXECUTE FUNCTION discharge_clock_counts();

CREATE FUNCTION discharge_step_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no
      AND d.discharged_at = NEW.discharged_at AND d.step_no + 1 = NEW.step_no AND d.stage = NEW.from_stage
      AND d.ended_at IS NULL)
    OR (CASE NEW.from_stage
      WHEN 'ward' THEN NEW.to_stage IN ('ward', 'audit')
      WHEN 'audit' THEN NEW.to_stage IN ('audit', 'insurance', 'cashier', 'ward')
      WHEN 'insurance' THEN NEW.to_stage IN ('insurance', 'cashier', 'audit', 'ward')
      WHEN 'cashier' THEN NEW.to_stage IN ('cashier', 'invoice', 'insurance', 'audit', 'ward')
      WHEN 'invoice' THEN NEW.to_stage IN ('invoice', 'done', 'cashier', 'insurance', 'audit')
      WHEN 'done' THEN NEW.to_stage IN ('cashier', 'insurance', 'audit')
      ELSE false END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: discharge_step' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER discharge_step_joins BEFORE INSERT ON discharge_step
  FOR EACH ROW EXECUTE FUNCTION discharge_step_joins();
