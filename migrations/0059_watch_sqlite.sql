-- What stands beside the clocks, on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER lateness_insert BEFORE INSERT ON lateness BEGIN
  SELECT RAISE(ABORT, 'wrong_step: lateness') WHERE NEW.lateness_no IS NOT 1 + (SELECT count(*) FROM lateness l
      WHERE l.institution_id = NEW.institution_id AND l.stay_no = NEW.stay_no
        AND l.discharged_at = NEW.discharged_at)
    OR NEW.excuse NOT IN ('none', 'asked') OR NEW.answer IS NOT NULL OR NEW.decision_id IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM discharge d WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no
      AND d.discharged_at = NEW.discharged_at AND d.ended_at IS NULL);
END;

CREATE TRIGGER lateness_walk BEFORE UPDATE ON lateness BEGIN
  SELECT RAISE(ABORT, 'append_only: lateness') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.stay_no IS NOT OLD.stay_no OR NEW.discharged_at IS NOT OLD.discharged_at
    OR NEW.lateness_no IS NOT OLD.lateness_no OR NEW.reason_code IS NOT OLD.reason_code
    OR NEW.words IS NOT OLD.words OR NEW.written_by IS NOT OLD.written_by OR NEW.written_at IS NOT OLD.written_at;
  SELECT RAISE(ABORT, 'wrong_step: lateness') WHERE NOT (
    (OLD.excuse = 'none' AND NEW.excuse = 'asked' AND NEW.answer IS NULL AND NEW.decision_id IS NULL)
    -- Decided once, by somebody on the staff who isn't the one who asked, and accepted by the rule only.
    OR (OLD.excuse = 'asked' AND NEW.excuse IN ('accepted', 'refused')
      AND NEW.asked_by IS OLD.asked_by AND NEW.asked_at IS OLD.asked_at
      AND lower(trim(coalesce(NEW.decided_by, ''))) <> lower(trim(OLD.asked_by))
      AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.decided_by)
      AND (NEW.excuse = 'refused' OR EXISTS (SELECT 1 FROM decision d WHERE d.institution_id = NEW.institution_id
        AND d.decision_id = NEW.decision_id AND d.rule = 'settlement.excuse' AND d.outcome = 'permitted'))));
END;

CREATE TRIGGER escalation_insert BEFORE INSERT ON escalation BEGIN
  SELECT RAISE(ABORT, 'wrong_step: escalation') WHERE NOT EXISTS (SELECT 1 FROM discharge d
    WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no AND d.discharged_at = NEW.discharged_at
      AND d.ended_at IS NULL AND d.settled_at IS NULL AND d.stage = NEW.stage
      AND d.expected_on = NEW.expected_on);
END;

CREATE TRIGGER channel_count_insert BEFORE INSERT ON channel_count BEGIN
  SELECT RAISE(ABORT, 'append_only: channel_count') WHERE NEW.count_no IS NOT 1 + (SELECT count(*)
    FROM channel_count c WHERE c.institution_id = NEW.institution_id AND c.period = NEW.period
      AND c.service = NEW.service AND c.channel = NEW.channel);
END;
