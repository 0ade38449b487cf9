CREATE TRIGGER outpatient_claim_alarms BEFORE UPDATE OF state ON outpatient_claim BEGIN
  SELECT RAISE(ABORT, 'alarm: outpatient_claim') WHERE NEW.state = 'confirmed'
    AND (SELECT count(*) FROM outpatient_alarm a
      WHERE a.institution_id = NEW.institution_id AND a.claim_id = NEW.claim_id) <> coalesce((
      SELECT max(w.alarms) FROM outpatient_alarm_answer w
      WHERE w.institution_id = NEW.institution_id AND w.claim_id = NEW.claim_id
        AND w.answered_by = NEW.confirmed_by), 0);
  SELECT RAISE(ABORT, 'staff_card: outpatient_claim') WHERE NEW.state IN ('confirmed', 'sent') AND NEW.route = 'bank'
    AND EXISTS (SELECT 1 FROM outpatient_staff_card s WHERE s.institution_id = NEW.institution_id
      AND s.card_hash = NEW.card_hash AND s.removed_at IS NULL);
END;

CREATE TRIGGER outpatient_alarm_insert BEFORE INSERT ON outpatient_alarm BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_alarm') WHERE NEW.alarm_no IS NOT (1 + (
    SELECT count(*) FROM outpatient_alarm a
    WHERE a.institution_id = NEW.institution_id AND a.claim_id = NEW.claim_id));
END;

CREATE TRIGGER outpatient_alarm_answer_insert BEFORE INSERT ON outpatient_alarm_answer BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_alarm_answer') WHERE NEW.answer_no IS NOT (1 + (
    SELECT count(*) FROM outpatient_alarm_answer w
    WHERE w.institution_id = NEW.institution_id AND w.claim_id = NEW.claim_id))
    OR NEW.alarms IS NOT (SELECT count(*) FROM outpatient_alarm a
      WHERE a.institution_id = NEW.institution_id AND a.claim_id = NEW.claim_id);
END;

CREATE TRIGGER outpatient_staff_card_insert BEFORE INSERT ON outpatient_staff_card BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_staff_card') WHERE NEW.removed_at IS NOT NULL
    OR EXISTS (SELECT 1 FROM outpatient_staff_card o WHERE o.institution_id IS NEW.institution_id
      AND (o.card_id IS NEW.card_id OR (o.card_hash IS NEW.card_hash AND o.removed_at IS NULL)));
END;

CREATE TRIGGER outpatient_staff_card_walk BEFORE UPDATE ON outpatient_staff_card BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_staff_card') WHERE OLD.removed_at IS NOT NULL
    OR NEW.removed_at IS NULL OR NEW.institution_id IS NOT OLD.institution_id OR NEW.card_id IS NOT OLD.card_id
    OR NEW.card_hash IS NOT OLD.card_hash OR NEW.tail IS NOT OLD.tail OR NEW.holder IS NOT OLD.holder
    OR NEW.added_by IS NOT OLD.added_by OR NEW.added_at IS NOT OLD.added_at;
END;
