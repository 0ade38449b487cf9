-- Taking back late discharges, on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER take_back_insert BEFORE INSERT ON take_back BEGIN
  SELECT RAISE(ABORT, 'wrong_step: take_back') WHERE NEW.state IS NOT 'asked' OR NEW.answer IS NOT NULL
    OR NEW.ask_no IS NOT 1 + (SELECT count(*) FROM take_back t WHERE t.institution_id = NEW.institution_id
      AND t.stay_no = NEW.stay_no AND t.discharged_at = NEW.discharged_at)
    OR NOT EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no
      AND d.discharged_at = NEW.discharged_at AND d.ended_at IS NULL);
END;

CREATE TRIGGER take_back_walk BEFORE UPDATE ON take_back BEGIN
  SELECT RAISE(ABORT, 'append_only: take_back') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.stay_no IS NOT OLD.stay_no OR NEW.discharged_at IS NOT OLD.discharged_at OR NEW.ask_no IS NOT OLD.ask_no
    OR NEW.ground IS NOT OLD.ground OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at;
  -- Decided once, while the discharge stands, by somebody on the staff who isn't the one who asked.
  SELECT RAISE(ABORT, 'wrong_step: take_back') WHERE OLD.state IS NOT 'asked' OR NEW.state NOT IN ('agreed', 'refused')
    OR lower(trim(coalesce(NEW.decided_by, ''))) = lower(trim(OLD.asked_by))
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.decided_by)
    OR NOT EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no
      AND d.discharged_at = NEW.discharged_at AND d.ended_at IS NULL);
END;

CREATE TRIGGER visit_message_by_hand BEFORE INSERT ON visit_message
  WHEN NEW.source = 'hand' AND NEW.event IN ('cancel_discharge', 'cancel_admit', 'discharge') BEGIN
  SELECT RAISE(ABORT, 'wrong_step: visit_message') WHERE EXISTS (SELECT 1 FROM discharge d
    WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.visit_no AND d.ended_at IS NULL
      AND d.expected_on < date(coalesce(d.settled_at, NEW.received_at), '+8 hours')
      AND NOT EXISTS (SELECT 1 FROM take_back t WHERE t.institution_id = d.institution_id AND t.stay_no = d.stay_no
        AND t.discharged_at = d.discharged_at AND t.state = 'agreed' AND t.decided_by = NEW.received_by
        AND t.decided_at = NEW.received_at));
END;

CREATE TRIGGER discharge_step_class BEFORE INSERT ON discharge_step
  WHEN NEW.to_stage = 'cashier' AND NEW.from_stage IN ('audit', 'insurance') BEGIN
  SELECT RAISE(ABORT, 'wrong_step: discharge_step') WHERE EXISTS (SELECT 1 FROM discharge d
    WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no AND d.discharged_at = NEW.discharged_at
      AND d.class_known IS NOT 1);
END;
