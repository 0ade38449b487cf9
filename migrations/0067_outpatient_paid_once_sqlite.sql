-- While the bank has a payment on its way the refund is on its way: nobody turns it to another way meanwhile.
CREATE TRIGGER outpatient_claim_under_way BEFORE UPDATE ON outpatient_claim WHEN NEW.state <> 'sent' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE EXISTS (SELECT 1 FROM outpatient_payout p
    WHERE p.institution_id = NEW.institution_id AND p.claim_id = NEW.claim_id AND p.state = 'sent');
END;

-- A payment names an entry of its own refund, once it arrived, and one that no other attempt names.
CREATE TRIGGER outpatient_payout_entry_insert BEFORE INSERT ON outpatient_payout WHEN NEW.entry_no IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE NEW.state <> 'arrived' OR NOT EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no
      AND e.source = 'outpatient_claim:' || NEW.claim_id
      AND e.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_repaid'))
    OR EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = NEW.claim_id AND p.attempt_no <> NEW.attempt_no AND p.entry_no = NEW.entry_no);
END;

CREATE TRIGGER outpatient_payout_entry_update BEFORE UPDATE ON outpatient_payout
WHEN NEW.entry_no IS NOT NULL AND OLD.entry_no IS NULL BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE NEW.state <> 'arrived' OR NOT EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no
      AND e.source = 'outpatient_claim:' || NEW.claim_id
      AND e.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_repaid'))
    OR EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = NEW.claim_id AND p.attempt_no <> NEW.attempt_no AND p.entry_no = NEW.entry_no);
END;

-- A frozen list is given up with a ground, and once its accounts are free.
CREATE TRIGGER outpatient_batch_dropped BEFORE UPDATE ON outpatient_batch
WHEN NEW.state = 'dropped' AND OLD.state = 'frozen' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE trim(NEW.ended_ground) = '' OR EXISTS (
    SELECT 1 FROM outpatient_batch_line l CROSS JOIN outpatient_account a
      ON a.institution_id = l.institution_id AND a.account_no = l.account_no
    WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no AND a.state = 'frozen');
END;

-- A column takes any text here: a day is a day of the calendar.
CREATE TRIGGER outpatient_account_days_insert BEFORE INSERT ON outpatient_account
WHEN date(NEW.last_movement_on) IS NOT NEW.last_movement_on OR date(NEW.filed_on) IS NOT NEW.filed_on BEGIN
  SELECT RAISE(ABORT, 'day: outpatient_account');
END;

CREATE TRIGGER outpatient_account_days_update BEFORE UPDATE OF last_movement_on, filed_on ON outpatient_account
WHEN date(NEW.last_movement_on) IS NOT NEW.last_movement_on OR date(NEW.filed_on) IS NOT NEW.filed_on BEGIN
  SELECT RAISE(ABORT, 'day: outpatient_account');
END;
