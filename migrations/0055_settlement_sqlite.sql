-- Discharges on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER stay_as_said BEFORE UPDATE OF patient_name, initials, sex ON stay BEGIN
  SELECT RAISE(ABORT, 'append_only: stay') WHERE NOT EXISTS (SELECT 1 FROM visit_message m
    WHERE m.institution_id = NEW.institution_id AND m.visit_no = NEW.stay_no AND m.state = 'applied');
END;

CREATE TRIGGER visit_message_walk BEFORE UPDATE ON visit_message BEGIN
  SELECT RAISE(ABORT, 'wrong_step: visit_message') WHERE OLD.state IS NOT 'quarantined'
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.message_id IS NOT OLD.message_id
    OR NEW.source IS NOT OLD.source OR NEW.sender IS NOT OLD.sender OR NEW.control_no IS NOT OLD.control_no
    OR NEW.sequence_no IS NOT OLD.sequence_no OR NEW.digest IS NOT OLD.digest
    OR NEW.received_at IS NOT OLD.received_at OR NEW.received_by IS NOT OLD.received_by
    OR NEW.decided_by IS NULL OR NEW.decided_at IS NULL;
END;

CREATE TRIGGER discharge_insert BEFORE INSERT ON discharge BEGIN
  SELECT RAISE(ABORT, 'wrong_step: discharge') WHERE NEW.stage IS NOT 'ward' OR NEW.step_no IS NOT 0
    OR NEW.clock_no IS NOT 0 OR NEW.due_on IS NOT NULL OR NEW.expected_on IS NOT NULL OR NEW.target_at IS NOT NULL
    OR NEW.settled_at IS NOT NULL OR NEW.note IS NOT '';
END;

CREATE TRIGGER discharge_walk BEFORE UPDATE ON discharge BEGIN
  SELECT RAISE(ABORT, 'wrong_step: discharge') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.stay_no IS NOT OLD.stay_no OR NEW.discharged_at IS NOT OLD.discharged_at
    -- Where it stands is what its newest step says.
    OR ((NEW.stage IS NOT OLD.stage OR NEW.stage_since IS NOT OLD.stage_since OR NEW.note IS NOT OLD.note
        OR NEW.step_no IS NOT OLD.step_no)
      AND NOT EXISTS (SELECT 1 FROM discharge_step s WHERE s.institution_id = NEW.institution_id
        AND s.stay_no = NEW.stay_no AND s.discharged_at = NEW.discharged_at AND s.step_no = NEW.step_no
        AND NEW.step_no = OLD.step_no + 1 AND s.from_stage = OLD.stage AND s.to_stage = NEW.stage
        AND s.note = NEW.note
        AND NEW.stage_since = CASE WHEN s.from_stage = s.to_stage THEN OLD.stage_since ELSE s.taken_at END))
    -- When it is due is what its newest clock says.
    OR ((NEW.clock_no IS NOT OLD.clock_no OR NEW.due_on IS NOT OLD.due_on OR NEW.expected_on IS NOT OLD.expected_on
        OR NEW.target_at IS NOT OLD.target_at)
      AND NOT EXISTS (SELECT 1 FROM discharge_clock c WHERE c.institution_id = NEW.institution_id
        AND c.stay_no = NEW.stay_no AND c.discharged_at = NEW.discharged_at AND c.clock_no = NEW.clock_no
        AND NEW.clock_no = OLD.clock_no + 1 AND c.due_on IS NEW.due_on AND c.expected_on IS NEW.expected_on
        AND c.target_at IS NEW.target_at));
END;

CREATE TRIGGER discharge_clock_insert BEFORE INSERT ON discharge_clock BEGIN
  SELECT RAISE(ABORT, 'append_only: discharge_clock') WHERE NEW.clock_no IS NOT 1 + (SELECT count(*)
    FROM discharge_clock c WHERE c.institution_id = NEW.institution_id AND c.stay_no = NEW.stay_no
      AND c.discharged_at = NEW.discharged_at);
END;

CREATE TRIGGER discharge_step_insert BEFORE INSERT ON discharge_step BEGIN
  SELECT RAISE(ABORT, 'wrong_step: discharge_step') WHERE NOT EXISTS (SELECT 1 FROM discharge d
    WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no AND d.discharged_at = NEW.discharged_at
      AND d.step_no + 1 = NEW.step_no AND d.stage = NEW.from_stage AND d.ended_at IS NULL)
    OR (CASE NEW.from_stage
      WHEN 'ward' THEN NEW.to_stage IN ('ward', 'audit')
      WHEN 'audit' THEN NEW.to_stage IN ('audit', 'insurance', 'cashier', 'ward')
      WHEN 'insurance' THEN NEW.to_stage IN ('insurance', 'cashier', 'audit', 'ward')
      WHEN 'cashier' THEN NEW.to_stage IN ('cashier', 'invoice', 'insurance', 'audit', 'ward')
      WHEN 'invoice' THEN NEW.to_stage IN ('invoice', 'done', 'cashier', 'insurance', 'audit')
      WHEN 'done' THEN NEW.to_stage IN ('cashier', 'insurance', 'audit')
      ELSE 0 END) IS NOT 1;
END;
