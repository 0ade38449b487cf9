-- SQLite looks at nothing when a transaction ends but keys. So what must be proved by then stands here, and the proof of
-- it in the table beside; the transaction ends no sooner. (0061 had both in one row, which was its own parent: SQLite
-- counts such a row twice, so that one proof in a transaction passed for two.) What is due, and what it is about:
-- ``arrears``: the entry moved what a stay owes, and its act stands. ``recall``: the settlement of this entry was
-- recalled, and the red letter is named. ``again``: the slip of this entry has the second way that it is of. ``act``:
-- the entry of an outpatient's money has the act that it was posted for. ``entry``: the act, named as entries name it,
-- has its entry. ``claim``: the refund stands as its payments do; this one may come to be due again.
CREATE TABLE proof (
  institution_id VARCHAR(12) NOT NULL,
  what VARCHAR(7) NOT NULL,
  about VARCHAR(64) NOT NULL,
  CONSTRAINT pk_proof PRIMARY KEY (institution_id, what, about)
);

CREATE TABLE proof_due (
  institution_id VARCHAR(12) NOT NULL,
  what VARCHAR(7) NOT NULL,
  about VARCHAR(64) NOT NULL,
  CONSTRAINT pk_proof_due PRIMARY KEY (institution_id, what, about),
  CONSTRAINT fk_proof_due__proof FOREIGN KEY (institution_id, what, about)
    REFERENCES proof (institution_id, what, about) DEFERRABLE INITIALLY DEFERRED
);

CREATE TRIGGER proof_due_no_update BEFORE UPDATE ON proof_due BEGIN
  SELECT RAISE(ABORT, 'append_only: proof_due');
END;

CREATE TRIGGER proof_due_no_delete BEFORE DELETE ON proof_due BEGIN
  SELECT RAISE(ABORT, 'append_only: proof_due');
END;

CREATE TRIGGER proof_no_update BEFORE UPDATE ON proof BEGIN
  SELECT RAISE(ABORT, 'append_only: proof');
END;

CREATE TRIGGER proof_no_delete BEFORE DELETE ON proof WHEN OLD.what <> 'claim' BEGIN
  SELECT RAISE(ABORT, 'append_only: proof');
END;

-- Nothing is proved that isn't due, and nothing that isn't so.
CREATE TRIGGER proof_insert BEFORE INSERT ON proof BEGIN
  SELECT RAISE(ABORT, 'append_only: proof') WHERE NOT EXISTS (SELECT 1 FROM proof_due d
    WHERE d.institution_id = NEW.institution_id AND d.what = NEW.what AND d.about = NEW.about);
  SELECT RAISE(ABORT, 'no_act: ledger_posting') WHERE NEW.what = 'arrears' AND (NOT EXISTS (
      SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.entry_no = CAST(NEW.about AS INTEGER)) OR {unexplained});
  SELECT RAISE(ABORT, 'wrong_step: settlement') WHERE NEW.what = 'recall' AND NOT EXISTS (SELECT 1 FROM settlement t
    WHERE t.institution_id = NEW.institution_id AND t.entry_no = CAST(NEW.about AS INTEGER)
      AND t.recalled_at IS NOT NULL AND t.recall_entry_no IS NOT NULL);
  SELECT RAISE(ABORT, 'wrong_step: receipt') WHERE NEW.what = 'again' AND NOT EXISTS (
    SELECT 1 FROM receipt s
      JOIN refund_arrival a ON a.institution_id = s.institution_id AND a.entry_no = s.entry_no
      JOIN receipt r ON r.institution_id = a.institution_id AND r.book = a.book AND r.serial = a.serial
    WHERE s.institution_id = NEW.institution_id AND s.entry_no = CAST(NEW.about AS INTEGER) AND s.kind = 'again'
      AND a.route = 'cash' AND a.state IN ('sent', 'arrived')
      AND r.stay_no = s.stay_no AND r.amount_fen = s.amount_fen);
  SELECT RAISE(ABORT, 'no_act: ledger_entry') WHERE NEW.what = 'act' AND NOT EXISTS (SELECT 1 FROM ledger_entry e
    WHERE e.institution_id = NEW.institution_id AND e.entry_no = CAST(NEW.about AS INTEGER) AND {acted});
  SELECT RAISE(ABORT, 'wrong_step: ledger_entry') WHERE NEW.what = 'entry' AND NOT EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id AND e.source = NEW.about
      AND e.kind IN ('outpatient_deposit', 'outpatient_correction'));
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE NEW.what = 'claim' AND NOT {in_step};
  SELECT RAISE(ABORT, 'append_only: proof')
    WHERE NEW.what NOT IN ('arrears', 'recall', 'again', 'act', 'entry', 'claim');
END;

CREATE TRIGGER outpatient_entry_has_its_act AFTER INSERT ON ledger_entry WHEN {kinds} BEGIN
  INSERT INTO proof_due (institution_id, what, about) VALUES (NEW.institution_id, 'act', NEW.entry_no);
END;

CREATE TRIGGER outpatient_act_gets_its_entry AFTER INSERT ON ledger_entry
WHEN NEW.kind IN ('outpatient_deposit', 'outpatient_correction') BEGIN
  INSERT INTO proof (institution_id, what, about) SELECT d.institution_id, d.what, d.about FROM proof_due d
  WHERE d.institution_id = NEW.institution_id AND d.what = 'entry' AND d.about = NEW.source;
END;

CREATE TRIGGER outpatient_taken_has_its_entry AFTER INSERT ON outpatient_taken BEGIN
  INSERT INTO proof_due (institution_id, what, about)
  VALUES (NEW.institution_id, 'entry', 'outpatient_taken:' || NEW.taken_id);
END;

CREATE TRIGGER outpatient_correction_has_its_entry AFTER UPDATE OF state ON outpatient_correction
WHEN NEW.state = 'approved' BEGIN
  INSERT INTO proof_due (institution_id, what, about)
  VALUES (NEW.institution_id, 'entry', 'outpatient_correction:' || NEW.correction_id);
END;

-- What is taken back says by whom, when and why; nobody says it later, or of what stands.
CREATE TRIGGER outpatient_claim_taken_back BEFORE UPDATE ON outpatient_claim BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_claim') WHERE CASE
    WHEN NEW.state IN ('withdrawn', 'rejected') THEN (length(trim(NEW.ground, {blanks})) > 0 AND NEW.ended_at IS NOT NULL
      AND EXISTS (SELECT 1 FROM staff_user u
        WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.ended_by)) IS NOT 1
    ELSE NEW.ended_by IS NOT OLD.ended_by OR NEW.ended_at IS NOT OLD.ended_at OR NEW.ground IS NOT OLD.ground END;
END;

CREATE TRIGGER outpatient_filing_taken_back BEFORE UPDATE ON outpatient_filing BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_filing') WHERE CASE
    WHEN NEW.state = 'withdrawn' THEN (length(trim(NEW.ended_ground, {blanks})) > 0 AND NEW.ended_at IS NOT NULL
      AND EXISTS (SELECT 1 FROM staff_user u
        WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.ended_by)) IS NOT 1
    ELSE NEW.ended_by IS NOT OLD.ended_by OR NEW.ended_at IS NOT OLD.ended_at
      OR NEW.ended_ground IS NOT OLD.ended_ground END;
END;

CREATE TRIGGER outpatient_batch_taken_back BEFORE UPDATE ON outpatient_batch BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE CASE
    WHEN NEW.state = 'dropped' THEN (length(trim(NEW.ended_ground, {blanks})) > 0 AND NEW.ended_at IS NOT NULL
      AND EXISTS (SELECT 1 FROM staff_user u
        WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.ended_by)) IS NOT 1
    ELSE NEW.ended_by IS NOT OLD.ended_by OR NEW.ended_at IS NOT OLD.ended_at
      OR NEW.ended_ground IS NOT OLD.ended_ground END;
END;

CREATE TRIGGER outpatient_advance_list_taken_back BEFORE UPDATE ON outpatient_advance_list BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_advance_list') WHERE CASE
    WHEN NEW.state = 'refused' THEN (length(trim(NEW.ground, {blanks})) > 0 AND NEW.ended_at IS NOT NULL
      AND EXISTS (SELECT 1 FROM staff_user u
        WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.ended_by)) IS NOT 1
    ELSE NEW.ended_by IS NOT OLD.ended_by OR NEW.ended_at IS NOT OLD.ended_at OR NEW.ground IS NOT OLD.ground END;
END;

CREATE TRIGGER outpatient_campaign_taken_back BEFORE UPDATE ON outpatient_campaign BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_campaign') WHERE (NEW.state = 'dropped')
    IS NOT (length(trim(NEW.dropped_ground, {blanks})) > 0);
END;

-- One list for the treasury at a time: while another is under way, an account that left it would stand on both, and be
-- turned over and paid ahead for each. A list says to the fen what goes, when it is frozen and when it is approved.
CREATE TRIGGER outpatient_batch_one_at_a_time BEFORE UPDATE OF state ON outpatient_batch
WHEN NEW.state = 'frozen' OR NEW.state = 'approved' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE NEW.state = 'frozen' AND EXISTS (
    SELECT 1 FROM outpatient_batch o WHERE o.institution_id = NEW.institution_id AND o.batch_no <> NEW.batch_no
      AND o.state IN ('frozen', 'approved'));
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE NEW.state = 'approved' AND EXISTS (
    SELECT 1 FROM outpatient_batch o CROSS JOIN outpatient_batch_line m CROSS JOIN outpatient_batch_line l
    WHERE o.institution_id = NEW.institution_id AND o.batch_no <> NEW.batch_no
      AND o.state IN ('frozen', 'approved', 'booked')
      AND m.institution_id = o.institution_id AND m.batch_no = o.batch_no
      AND l.institution_id = o.institution_id AND l.batch_no = NEW.batch_no AND l.account_no = m.account_no);
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE EXISTS (
    SELECT 1 FROM outpatient_batch_line l LEFT JOIN ledger_account a
      ON a.institution_id = l.institution_id AND a.account_id = '23050102:' || l.account_no
    WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no
      AND a.balance_fen IS NOT l.balance_fen);
END;

-- And it is booked once none of its accounts waits any more.
CREATE TRIGGER outpatient_batch_booked_whole BEFORE UPDATE OF state ON outpatient_batch WHEN NEW.state = 'booked' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_batch') WHERE EXISTS (
    SELECT 1 FROM outpatient_batch_line l JOIN outpatient_account a
      ON a.institution_id = l.institution_id AND a.account_no = l.account_no
    WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no AND a.state = 'frozen');
END;

-- What the gate takes stands on an account of its own: on one of the census it would go to the treasury with what is
-- more than three years old.
CREATE TRIGGER outpatient_taken_apart BEFORE INSERT ON outpatient_taken BEGIN
  SELECT RAISE(ABORT, 'gate: outpatient_taken') WHERE EXISTS (SELECT 1 FROM outpatient_account a
    WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
      AND (a.import_no IS NOT NULL OR a.state <> 'open'));
END;

-- A payment that isn't cash goes by a file that was made for the bank.
CREATE TRIGGER outpatient_payout_has_its_file BEFORE INSERT ON outpatient_payout WHEN NEW.route <> 'cash' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_payout') WHERE NEW.file_no IS NULL;
END;

-- An account moved last on a day before its balances were read, and after that only with what is taken for it.
DROP TRIGGER outpatient_account_insert;

CREATE TRIGGER outpatient_account_insert BEFORE INSERT ON outpatient_account BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_account') WHERE (NEW.state = 'open'
    AND NEW.unclearable_reason = '' AND NEW.filed_on IS NULL AND NEW.person_id = NEW.account_no
    AND NEW.opening_fen >= 0 AND CASE WHEN NEW.import_no IS NULL THEN NEW.opening_fen = 0 ELSE EXISTS (
      SELECT 1 FROM outpatient_import i WHERE i.institution_id = NEW.institution_id AND i.import_no = NEW.import_no
        AND i.state = 'counted' AND (NEW.last_movement_on IS NULL OR NEW.last_movement_on <= i.balances_on))
    END) IS NOT 1;
END;

CREATE TRIGGER outpatient_account_moves BEFORE UPDATE OF last_movement_on ON outpatient_account
WHEN NEW.last_movement_on IS NOT OLD.last_movement_on BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_account') WHERE NOT EXISTS (SELECT 1 FROM outpatient_taken t
    WHERE t.institution_id = NEW.institution_id AND t.account_no = NEW.account_no
      AND date(t.taken_at, '+8 hours') = NEW.last_movement_on);
END;
