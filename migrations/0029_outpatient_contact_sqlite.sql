-- Finding people on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER outpatient_campaign_insert BEFORE INSERT ON outpatient_campaign BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_campaign') WHERE NEW.state IS NOT 'proposed' OR NEW.chosen IS NOT 0
    OR NEW.total_fen IS NOT 0 OR NEW.released_by IS NOT NULL OR NEW.released_at IS NOT NULL
    OR NEW.dropped_by IS NOT NULL OR NEW.dropped_at IS NOT NULL
    OR EXISTS (SELECT 1 FROM outpatient_campaign c WHERE c.institution_id IS NEW.institution_id
      AND c.campaign_no IS NEW.campaign_no);
END;

CREATE TRIGGER outpatient_campaign_walk BEFORE UPDATE ON outpatient_campaign BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_campaign') WHERE OLD.state IS NOT 'proposed'
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.campaign_no IS NOT OLD.campaign_no
    OR NEW.title IS NOT OLD.title OR NEW.channel IS NOT OLD.channel OR NEW.text IS NOT OLD.text
    OR NEW.criteria IS NOT OLD.criteria OR NEW.proposed_by IS NOT OLD.proposed_by
    OR NEW.proposed_at IS NOT OLD.proposed_at
    OR (CASE NEW.state
      WHEN 'released' THEN NEW.released_by IS NOT NULL AND NEW.released_at IS NOT NULL AND NEW.dropped_by IS NULL
        AND NEW.chosen = (SELECT count(*) FROM outpatient_contact c WHERE c.institution_id = NEW.institution_id
          AND c.campaign_no = NEW.campaign_no)
      WHEN 'dropped' THEN NEW.dropped_by IS NOT NULL AND NEW.dropped_at IS NOT NULL AND NEW.released_by IS NULL
        AND NEW.chosen = 0
      ELSE 0 END) IS NOT 1;
END;

CREATE TRIGGER outpatient_campaign_by_another BEFORE UPDATE OF released_by ON outpatient_campaign BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_campaign') WHERE NEW.released_by IS NOT NULL AND (
    lower(trim(NEW.released_by)) = lower(trim(NEW.proposed_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.released_by));
END;

CREATE TRIGGER outpatient_contact_insert BEFORE INSERT ON outpatient_contact BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_contact') WHERE NEW.seq < 1 OR NOT EXISTS (
    SELECT 1 FROM outpatient_campaign c JOIN outpatient_account a ON a.institution_id = c.institution_id
    WHERE c.institution_id = NEW.institution_id AND c.campaign_no = NEW.campaign_no AND a.account_no = NEW.account_no
      AND c.state = 'proposed' AND c.channel = NEW.channel AND a.phone_hash = NEW.phone_hash
      AND a.kind = 'outpatient_deposit' AND a.state IN ('open', 'unclearable', 'filed')
      AND (NEW.channel NOT IN ('sms', 'phone') OR a.reach = 'phone'));
END;

CREATE TRIGGER outpatient_contact_file_insert BEFORE INSERT ON outpatient_contact_file BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_contact_file') WHERE NOT EXISTS (SELECT 1 FROM outpatient_campaign c
    WHERE c.institution_id = NEW.institution_id AND c.campaign_no = NEW.campaign_no AND c.state = 'released'
      AND c.channel <> 'board' AND NEW.lines + NEW.left_out = c.chosen AND NEW.left_out >= 0);
END;

CREATE TRIGGER outpatient_contact_part_insert BEFORE INSERT ON outpatient_contact_part BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_contact_part') WHERE NOT EXISTS (SELECT 1 FROM outpatient_contact_file f
    WHERE f.institution_id = NEW.institution_id AND f.campaign_no = NEW.campaign_no
      AND NEW.part_no BETWEEN 1 AND f.parts);
END;

CREATE TRIGGER outpatient_contact_import_insert BEFORE INSERT ON outpatient_contact_import BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_contact_import') WHERE NOT EXISTS (SELECT 1 FROM outpatient_campaign c
    JOIN staff_user u ON u.institution_id = c.institution_id AND u.user_id = NEW.imported_by
    WHERE c.institution_id = NEW.institution_id AND c.campaign_no = NEW.campaign_no AND c.state = 'released'
      AND lower(trim(c.proposed_by)) <> lower(trim(NEW.imported_by))
      AND EXISTS (SELECT 1 FROM outpatient_contact_file f WHERE f.institution_id = c.institution_id
        AND f.campaign_no = c.campaign_no));
END;

CREATE TRIGGER outpatient_contact_result_insert BEFORE INSERT ON outpatient_contact_result BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_contact_result') WHERE CASE WHEN NEW.import_no IS NULL THEN NOT EXISTS (
      SELECT 1 FROM outpatient_contact_file h JOIN outpatient_campaign c ON c.institution_id = h.institution_id
        AND c.campaign_no = h.campaign_no
      WHERE h.institution_id = NEW.institution_id AND h.campaign_no = NEW.campaign_no AND c.channel = 'sms')
    ELSE NOT EXISTS (SELECT 1 FROM outpatient_contact_import i WHERE i.institution_id = NEW.institution_id
      AND i.import_no = NEW.import_no AND i.campaign_no = NEW.campaign_no) END;
END;

CREATE TRIGGER outpatient_contact_proof_insert BEFORE INSERT ON outpatient_contact_proof BEGIN
  SELECT RAISE(ABORT, 'second_person: outpatient_contact_proof') WHERE NOT EXISTS (SELECT 1 FROM outpatient_campaign c
    JOIN staff_user u ON u.institution_id = c.institution_id AND u.user_id = NEW.recorded_by
    WHERE c.institution_id = NEW.institution_id AND c.campaign_no = NEW.campaign_no AND c.state = 'released'
      AND c.channel = 'board' AND lower(trim(c.proposed_by)) <> lower(trim(NEW.recorded_by)))
    OR NEW.proof_no IS NOT 1 + (SELECT count(*) FROM outpatient_contact_proof p
      WHERE p.institution_id = NEW.institution_id AND p.campaign_no = NEW.campaign_no);
END;
