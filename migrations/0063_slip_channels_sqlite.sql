-- Slips of cash on a second way on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER receipt_insert BEFORE INSERT ON receipt BEGIN
  SELECT RAISE(ABORT, 'append_only: receipt') WHERE EXISTS (
    SELECT 1 FROM receipt r WHERE r.institution_id IS NEW.institution_id
      AND ((r.book IS NEW.book AND r.serial IS NEW.serial) OR r.entry_no IS NEW.entry_no
        OR (NEW.cancels_serial IS NOT NULL AND r.cancels_book IS NEW.cancels_book
            AND r.cancels_serial IS NEW.cancels_serial)))
    OR EXISTS (SELECT 1 FROM receipt r WHERE r.token IS NEW.token);
  SELECT RAISE(ABORT, 'receipt_gap: receipt') WHERE NOT EXISTS (
    SELECT 1 FROM receipt_book b WHERE b.institution_id = NEW.institution_id AND b.book = NEW.book
      AND b.closed_at IS NULL AND b.last_serial = NEW.serial - 1);
  SELECT RAISE(ABORT, 'receipt_mismatch: receipt') WHERE NEW.amount_fen IS NOT (
    SELECT abs(sum(p.credit_fen - p.debit_fen)) FROM ledger_posting p
    WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
      AND (p.account_id = '23050103:' || NEW.stay_no AND NEW.kind NOT IN ('topup', 'again')
        OR p.account_id = '12120203:' || NEW.stay_no AND NEW.kind IN ('topup', 'void')
        OR p.account_id = '2307:stay:' || NEW.stay_no AND NEW.kind = 'again'));
  SELECT RAISE(ABORT, 'not_settled: receipt') WHERE NEW.kind = 'return' AND NOT EXISTS (
    SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
      AND t.kind <> 'interim' AND t.recalled_at IS NULL);
  -- A slip of cash on a second way is of a refund that came back and that its holder asked to be paid so.
  SELECT RAISE(ABORT, 'wrong_step: receipt') WHERE NEW.kind = 'again' AND (NEW.tender <> 'cash' OR NOT EXISTS (
    SELECT 1 FROM refund_arrival a JOIN receipt r
      ON r.institution_id = a.institution_id AND r.book = a.book AND r.serial = a.serial
    WHERE r.institution_id = NEW.institution_id AND r.stay_no = NEW.stay_no AND r.amount_fen = NEW.amount_fen
      AND a.state = 'asked' AND a.route = 'cash' AND a.asked_by = NEW.issued_by));
END;

-- Cash on a second way leaves the drawer on a slip in the book of who asked, approved by who sent it.
CREATE TRIGGER refund_arrival_on_a_slip BEFORE UPDATE ON refund_arrival
  WHEN OLD.state = 'asked' AND NEW.state = 'sent' AND NEW.route = 'cash' BEGIN
  SELECT RAISE(ABORT, 'receipt_mismatch: refund_arrival') WHERE NOT EXISTS (
    SELECT 1 FROM receipt s JOIN receipt r
      ON r.institution_id = NEW.institution_id AND r.book = NEW.book AND r.serial = NEW.serial
    WHERE s.institution_id = NEW.institution_id AND s.entry_no = NEW.entry_no AND s.kind = 'again'
      AND s.stay_no = r.stay_no AND s.amount_fen = r.amount_fen
      AND s.issued_by = NEW.asked_by AND s.approved_by = NEW.sent_by);
END;

-- By the end of the transaction the entry of such a slip is that of the second way it is of, which its walk (0057)
-- holds to what it moved: so much of 2307 of the stay, and out of the drawer. One slip of a way: an entry has one.
CREATE TRIGGER receipt_has_its_way AFTER INSERT ON receipt WHEN NEW.kind = 'again' BEGIN
  INSERT INTO proof_due (institution_id, what, entry_no) VALUES (NEW.institution_id, 'again', NEW.entry_no);
END;

CREATE TRIGGER refund_arrival_is_the_way AFTER UPDATE ON refund_arrival
  WHEN OLD.state = 'asked' AND NEW.state = 'sent' AND NEW.route = 'cash' BEGIN
  UPDATE proof_due SET proved_no = entry_no WHERE institution_id = NEW.institution_id AND what = 'again'
    AND entry_no = NEW.entry_no AND proved_no IS NULL;
END;

CREATE TRIGGER proof_due_again BEFORE UPDATE ON proof_due WHEN NEW.what = 'again' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: receipt') WHERE NOT EXISTS (
    SELECT 1 FROM receipt s
      JOIN refund_arrival a ON a.institution_id = s.institution_id AND a.entry_no = s.entry_no
      JOIN receipt r ON r.institution_id = a.institution_id AND r.book = a.book AND r.serial = a.serial
    WHERE s.institution_id = NEW.institution_id AND s.entry_no = NEW.entry_no AND s.kind = 'again'
      AND a.route = 'cash' AND a.state IN ('sent', 'arrived')
      AND r.stay_no = s.stay_no AND r.amount_fen = s.amount_fen);
END;
