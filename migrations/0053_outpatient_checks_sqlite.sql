-- The same promises as beside it for PostgreSQL.

-- Nobody agrees to a correction of a holder whom they weren't shown in full. That it is somebody else in service who may
-- confirm stands already (0044, 0048).
CREATE TRIGGER outpatient_owner_change_seen BEFORE UPDATE ON outpatient_owner_change
  WHEN NEW.state = 'approved' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_owner_change') WHERE NOT EXISTS (SELECT 1 FROM audit_event e
    WHERE e.institution_id = NEW.institution_id AND e.subject = 'outpatient_owner_change:' || NEW.change_no
      AND e.actor = NEW.decided_by AND e.action = 'outpatient.reveal_owner' AND e.outcome = 'done');
END;

-- What a census took in that doesn't look right is told before it is confirmed, and stays.
CREATE TRIGGER outpatient_import_doubts BEFORE UPDATE ON outpatient_import WHEN NEW.doubts IS NOT OLD.doubts BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_import');
END;

-- Whoever turns SQLite's keys off adds a paper to no claim, and an attempt to no file, that isn't there. Claims,
-- corrections of either kind, attempts and what the bank contradicted look for theirs already.
CREATE TRIGGER outpatient_claim_paper_claim BEFORE INSERT ON outpatient_claim_paper BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim_paper') WHERE NOT EXISTS (SELECT 1 FROM outpatient_claim c
    WHERE c.institution_id = NEW.institution_id AND c.claim_id = NEW.claim_id);
END;
CREATE TRIGGER outpatient_payout_file BEFORE INSERT ON outpatient_payout WHEN NEW.file_no IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE NOT EXISTS (SELECT 1 FROM outpatient_bank_file f
    WHERE f.institution_id = NEW.institution_id AND f.file_no = NEW.file_no);
END;
