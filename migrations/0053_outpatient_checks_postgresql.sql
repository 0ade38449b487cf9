-- Nobody agrees to a correction of a holder whom they weren't shown in full. That it is somebody else in service who may
-- confirm stands already (0044, 0048), as does that an import's doubts never change (0023).
CREATE FUNCTION outpatient_owner_change_seen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM audit_event e WHERE e.institution_id = NEW.institution_id
      AND e.subject = 'outpatient_owner_change:' || NEW.change_no AND e.actor = NEW.decided_by
      AND e.action = 'outpatient.reveal_owner' AND e.outcome = 'done') THEN
    RAISE EXCEPTION 'wrong_step: outpatient_owner_change' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_owner_change_seen BEFORE UPDATE ON outpatient_owner_change
  FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION outpatient_owner_change_seen();
