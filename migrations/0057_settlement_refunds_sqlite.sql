-- Money after a settlement on SQLite: the same promises as beside it for PostgreSQL.

-- What leaves by a way that isn't cash in the hand is on its way with its slip.
CREATE TRIGGER receipt_is_sent AFTER INSERT ON receipt WHEN NEW.tender <> 'cash' AND (NEW.kind = 'return'
    OR (NEW.kind = 'refund' AND EXISTS (SELECT 1 FROM stay s WHERE s.institution_id = NEW.institution_id
      AND s.stay_no = NEW.stay_no AND s.discharged_at IS NOT NULL))
    OR (NEW.kind = 'void' AND EXISTS (SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id
      AND r.book = NEW.cancels_book AND r.serial = NEW.cancels_serial AND r.kind = 'topup'))) BEGIN
  INSERT INTO refund_arrival (institution_id, book, serial, attempt_no, route, state, sent_at, entry_no)
  VALUES (NEW.institution_id, NEW.book, NEW.serial, 1, NEW.tender, 'sent', NEW.issued_at, NEW.entry_no);
END;

-- A slip is voided while its money is on its first way only; then nothing of it is awaited.
CREATE TRIGGER receipt_is_sent_no_more AFTER INSERT ON receipt WHEN NEW.kind = 'void' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: refund_arrival') WHERE EXISTS (SELECT 1 FROM refund_arrival a
    WHERE a.institution_id = NEW.institution_id AND a.book = NEW.cancels_book AND a.serial = NEW.cancels_serial
      AND (a.attempt_no > 1 OR a.state <> 'sent'));
  UPDATE refund_arrival SET state = 'dropped', evidence = NEW.ground, known_by = NEW.approved_by,
    known_at = NEW.issued_at
  WHERE institution_id = NEW.institution_id AND book = NEW.cancels_book AND serial = NEW.cancels_serial;
END;

CREATE TRIGGER refund_arrival_insert BEFORE INSERT ON refund_arrival BEGIN
  SELECT RAISE(ABORT, 'wrong_step: refund_arrival') WHERE (NEW.attempt_no = 1 + (SELECT count(*) FROM refund_arrival a
      WHERE a.institution_id = NEW.institution_id AND a.book = NEW.book AND a.serial = NEW.serial)
    AND NEW.evidence IS NULL AND NEW.known_by IS NULL AND NEW.known_at IS NULL AND NEW.back_entry_no IS NULL
    AND NEW.sent_by IS NULL
    AND EXISTS (SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.book = NEW.book
      AND r.serial = NEW.serial AND r.kind IN ('return', 'refund', 'void')
      AND CASE WHEN NEW.attempt_no = 1
        THEN NEW.state = 'sent' AND NEW.account_enc IS NULL AND r.tender <> 'cash' AND NEW.route = r.tender
          AND NEW.sent_at = r.issued_at AND NEW.entry_no = r.entry_no
        ELSE NEW.state = 'asked' AND NEW.asked_at IS NOT NULL AND NEW.sent_at IS NULL AND NEW.entry_no IS NULL
          AND NEW.route IN (r.tender, 'transfer', 'cash')
          AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
            AND u.user_id = NEW.asked_by)
          AND EXISTS (SELECT 1 FROM refund_arrival a WHERE a.institution_id = NEW.institution_id
            AND a.book = NEW.book AND a.serial = NEW.serial AND a.state = 'failed')
        END)) IS NOT 1;
END;

CREATE TRIGGER refund_arrival_walk BEFORE UPDATE ON refund_arrival BEGIN
  SELECT RAISE(ABORT, 'append_only: refund_arrival') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.book IS NOT OLD.book OR NEW.serial IS NOT OLD.serial OR NEW.attempt_no IS NOT OLD.attempt_no
    OR NEW.route IS NOT OLD.route OR NEW.account_enc IS NOT OLD.account_enc OR NEW.asked_by IS NOT OLD.asked_by
    OR NEW.asked_at IS NOT OLD.asked_at OR OLD.state NOT IN ('asked', 'sent')
    OR (OLD.state = 'sent' AND (NEW.sent_by IS NOT OLD.sent_by OR NEW.sent_at IS NOT OLD.sent_at
      OR NEW.entry_no IS NOT OLD.entry_no));
  SELECT RAISE(ABORT, 'wrong_step: refund_arrival') WHERE (CASE OLD.state || '>' || NEW.state
      WHEN 'asked>sent' THEN lower(trim(NEW.sent_by)) <> lower(trim(OLD.asked_by))
        AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.sent_by)
        AND NEW.sent_at IS NOT NULL AND NEW.evidence IS NULL
      WHEN 'asked>dropped' THEN NEW.sent_by IS NULL AND NEW.sent_at IS NULL AND length(NEW.evidence) > 0
      WHEN 'sent>arrived' THEN length(NEW.evidence) > 0
      WHEN 'sent>failed' THEN length(NEW.evidence) > 0
      WHEN 'sent>dropped' THEN EXISTS (SELECT 1 FROM receipt v WHERE v.institution_id = NEW.institution_id
        AND v.cancels_book = NEW.book AND v.cancels_serial = NEW.serial)
      ELSE 0 END) IS NOT 1;
  -- Sent again it leaves 2307 of the stay by its way, failed it comes to lie there: the slip's amount, to the fen.
  SELECT RAISE(ABORT, 'receipt_mismatch: refund_arrival') WHERE NEW.state IN ('sent', 'failed') AND NOT EXISTS (
    SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.book = NEW.book AND r.serial = NEW.serial
      AND (SELECT sum(p.debit_fen - p.credit_fen) FROM ledger_posting p WHERE p.institution_id = NEW.institution_id
        AND p.entry_no = CASE NEW.state WHEN 'sent' THEN NEW.entry_no ELSE NEW.back_entry_no END
        AND p.account_id = '2307:stay:' || r.stay_no) = CASE NEW.state WHEN 'sent' THEN 1 ELSE -1 END * r.amount_fen
      AND (SELECT sum(p.credit_fen - p.debit_fen) FROM ledger_posting p WHERE p.institution_id = NEW.institution_id
        AND p.entry_no = CASE NEW.state WHEN 'sent' THEN NEW.entry_no ELSE NEW.back_entry_no END
        AND p.account_id = CASE NEW.route WHEN 'cash' THEN '1001' WHEN 'wechat' THEN '1021' WHEN 'alipay' THEN '1021'
          ELSE '1002' END) = CASE NEW.state WHEN 'sent' THEN 1 ELSE -1 END * r.amount_fen);
END;

CREATE TRIGGER unclaimed_deposit_insert BEFORE INSERT ON unclaimed_deposit BEGIN
  SELECT RAISE(ABORT, 'wrong_step: unclaimed_deposit') WHERE (NEW.state = 'waiting'
    AND NEW.turn_no = 1 + (SELECT count(*) FROM unclaimed_deposit d
      WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no)
    AND NEW.asked_by IS NULL AND NEW.decided_by IS NULL
    AND EXISTS (SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
      AND t.kind <> 'interim' AND t.recalled_at IS NULL)) IS NOT 1;
END;

CREATE TRIGGER unclaimed_deposit_walk BEFORE UPDATE ON unclaimed_deposit BEGIN
  SELECT RAISE(ABORT, 'append_only: unclaimed_deposit') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.stay_no IS NOT OLD.stay_no OR NEW.turn_no IS NOT OLD.turn_no OR NEW.since IS NOT OLD.since
    OR NEW.noted_by IS NOT OLD.noted_by OR OLD.state NOT IN ('waiting', 'asked')
    OR ((OLD.state = 'asked' OR NEW.state <> 'asked') AND (NEW.claimant IS NOT OLD.claimant
      OR NEW.relation IS NOT OLD.relation OR NEW.claimant_enc IS NOT OLD.claimant_enc OR NEW.tender IS NOT OLD.tender
      OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at));
  SELECT RAISE(ABORT, 'wrong_step: unclaimed_deposit') WHERE (CASE OLD.state || '>' || NEW.state
      WHEN 'waiting>asked' THEN EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.asked_by)
      WHEN 'waiting>ended' THEN 1
      WHEN 'asked>ended' THEN 1
      WHEN 'asked>paid' THEN (NEW.claimant = 'patient' OR lower(trim(NEW.decided_by)) <> lower(trim(NEW.asked_by)))
        AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
          AND u.user_id = NEW.decided_by)
        AND EXISTS (SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.book = NEW.book
          AND r.serial = NEW.serial AND r.kind = 'return' AND r.stay_no = NEW.stay_no AND r.tender = NEW.tender
          AND r.issued_at = NEW.decided_at)
      ELSE 0 END) IS NOT 1;
END;

-- Under 2307 stands what came back of a stay's refunds as well; what is owed on outpatient claims is opened as before
-- (0051).
CREATE TRIGGER outpatient_owed_opens BEFORE INSERT ON ledger_account
  WHEN (NEW.account_id >= '2103:' AND NEW.account_id < '2103;')
    OR (NEW.account_id >= '2307:' AND NEW.account_id < '2307;') BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE (NEW.subject = '2307' AND NEW.normal_side = -1
    AND NEW.guarded AND NEW.ceiling_fen IS NULL AND NEW.fund = '' AND CASE
      WHEN NEW.account_id >= '2307:stay:' AND NEW.account_id < '2307:stay;' THEN EXISTS (SELECT 1 FROM stay s
        WHERE s.institution_id = NEW.institution_id AND s.stay_no = substr(NEW.account_id, 11))
      WHEN NEW.account_id >= '2307:refund:' AND NEW.account_id < '2307:refund;' THEN EXISTS (
        SELECT 1 FROM outpatient_claim c
          JOIN outpatient_account a ON a.institution_id = c.institution_id AND a.account_no = c.account_no
        WHERE c.institution_id = NEW.institution_id AND c.claim_id = substr(NEW.account_id, 13)
          AND (c.remitted OR a.state = 'remitted' OR a.state = 'reclaimed'))
      ELSE 0 END) IS NOT 1;
END;
