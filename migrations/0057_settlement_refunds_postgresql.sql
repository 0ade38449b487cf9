-- Money after a settlement on PostgreSQL. What leaves by a way that isn't cash in the hand is on its way with its
-- slip; it arrives, or fails and is owed on 2307 of the stay; another way takes two people. What nobody fetched is
-- given to whoever comes with a paper, to an heir by two people.

CREATE FUNCTION receipt_is_sent() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.tender <> 'cash' AND (NEW.kind = 'return'
      OR (NEW.kind = 'refund' AND EXISTS (SELECT 1 FROM stay s WHERE s.institution_id = NEW.institution_id
        AND s.stay_no = NEW.stay_no AND s.discharged_at IS NOT NULL))
      OR (NEW.kind = 'void' AND EXISTS (SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id
        AND r.book = NEW.cancels_book AND r.serial = NEW.cancels_serial AND r.kind = 'topup'))) THEN
    INSERT INTO refund_arrival (institution_id, book, serial, attempt_no, route, state, sent_at, entry_no)
    VALUES (NEW.institution_id, NEW.book, NEW.serial, 1, NEW.tender, 'sent', NEW.issued_at, NEW.entry_no);
  END IF;
  IF NEW.kind = 'void' THEN
    -- A slip is voided while its money is on its first way only; then nothing of it is awaited.
    IF EXISTS (SELECT 1 FROM refund_arrival a WHERE a.institution_id = NEW.institution_id
        AND a.book = NEW.cancels_book AND a.serial = NEW.cancels_serial
        AND (a.attempt_no > 1 OR a.state <> 'sent')) THEN
      RAISE EXCEPTION 'wrong_step: refund_arrival' USING ERRCODE = 'HP006';
    END IF;
    UPDATE refund_arrival SET state = 'dropped', evidence = NEW.ground, known_by = NEW.approved_by,
      known_at = NEW.issued_at
    WHERE institution_id = NEW.institution_id AND book = NEW.cancels_book AND serial = NEW.cancels_serial;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER receipt_is_sent AFTER INSERT ON receipt FOR EACH ROW EXECUTE FUNCTION receipt_is_sent();

CREATE FUNCTION refund_arrival_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  slip receipt;
  sign integer := CASE NEW.state WHEN 'sent' THEN 1 ELSE -1 END;
  entry bigint := CASE NEW.state WHEN 'sent' THEN NEW.entry_no ELSE NEW.back_entry_no END;
BEGIN
  SELECT * INTO slip FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.book = NEW.book
    AND r.serial = NEW.serial;
  IF TG_OP = 'INSERT' THEN
    IF (NEW.attempt_no = 1 + (SELECT count(*) FROM refund_arrival a WHERE a.institution_id = NEW.institution_id
          AND a.book = NEW.book AND a.serial = NEW.serial)
        AND num_nonnulls(NEW.evidence, NEW.known_by, NEW.known_at, NEW.back_entry_no, NEW.sent_by) = 0
        AND slip.kind IN ('return', 'refund', 'void')
        AND CASE WHEN NEW.attempt_no = 1
          THEN NEW.state = 'sent' AND NEW.account_enc IS NULL AND slip.tender <> 'cash' AND NEW.route = slip.tender
            AND NEW.sent_at = slip.issued_at AND NEW.entry_no = slip.entry_no
          ELSE NEW.state = 'asked' AND NEW.asked_at IS NOT NULL AND num_nonnulls(NEW.sent_at, NEW.entry_no) = 0
            AND NEW.route IN (slip.tender, 'transfer', 'cash')
            AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
              AND u.user_id = NEW.asked_by)
            AND EXISTS (SELECT 1 FROM refund_arrival a WHERE a.institution_id = NEW.institution_id
              AND a.book = NEW.book AND a.serial = NEW.serial AND a.state = 'failed')
          END) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: refund_arrival' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.institution_id, NEW.book, NEW.serial, NEW.attempt_no, NEW.route, NEW.account_enc, NEW.asked_by, NEW.asked_at)
      IS DISTINCT FROM
      (OLD.institution_id, OLD.book, OLD.serial, OLD.attempt_no, OLD.route, OLD.account_enc, OLD.asked_by, OLD.asked_at)
    OR OLD.state NOT IN ('asked', 'sent')
    OR (OLD.state = 'sent'
      AND (NEW.sent_by, NEW.sent_at, NEW.entry_no) IS DISTINCT FROM (OLD.sent_by, OLD.sent_at, OLD.entry_no)) THEN
    RAISE EXCEPTION 'append_only: refund_arrival' USING ERRCODE = 'HP001';
  END IF;
  IF (CASE OLD.state || '>' || NEW.state
      WHEN 'asked>sent' THEN lower(btrim(NEW.sent_by)) <> lower(btrim(OLD.asked_by))
        AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.sent_by)
        AND NEW.sent_at IS NOT NULL AND NEW.evidence IS NULL
      WHEN 'asked>dropped' THEN num_nonnulls(NEW.sent_by, NEW.sent_at) = 0 AND length(NEW.evidence) > 0
      WHEN 'sent>arrived' THEN length(NEW.evidence) > 0
      WHEN 'sent>failed' THEN length(NEW.evidence) > 0
      WHEN 'sent>dropped' THEN EXISTS (SELECT 1 FROM receipt v WHERE v.institution_id = NEW.institution_id
        AND v.cancels_book = NEW.book AND v.cancels_serial = NEW.serial)
      ELSE false END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: refund_arrival' USING ERRCODE = 'HP006';
  END IF;
  -- Sent again it leaves 2307 of the stay by its way, failed it comes to lie there: the slip's amount, to the fen.
  IF NEW.state IN ('sent', 'failed') AND (
      settlement_posted(NEW.institution_id, entry, '2307:stay:' || slip.stay_no) = sign * slip.amount_fen
      AND settlement_posted(NEW.institution_id, entry, CASE NEW.route WHEN 'cash' THEN '1001' WHEN 'wechat' THEN '1021'
        WHEN 'alipay' THEN '1021' ELSE '1002' END) = -sign * slip.amount_fen) IS NOT TRUE THEN
    RAISE EXCEPTION 'receipt_mismatch: refund_arrival' USING ERRCODE = 'HP005';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refund_arrival_walk BEFORE INSERT OR UPDATE ON refund_arrival
  FOR EACH ROW EXECUTE FUNCTION refund_arrival_walk();

CREATE FUNCTION unclaimed_deposit_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'waiting' AND NEW.turn_no = 1 + (SELECT count(*) FROM unclaimed_deposit d
          WHERE d.institution_id = NEW.institution_id AND d.stay_no = NEW.stay_no)
        AND num_nonnulls(NEW.asked_by, NEW.decided_by) = 0
        AND EXISTS (SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id
          AND t.stay_no = NEW.stay_no AND t.kind <> 'interim' AND t.recalled_at IS NULL)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: unclaimed_deposit' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.institution_id, NEW.stay_no, NEW.turn_no, NEW.since, NEW.noted_by)
      IS DISTINCT FROM (OLD.institution_id, OLD.stay_no, OLD.turn_no, OLD.since, OLD.noted_by)
    OR OLD.state NOT IN ('waiting', 'asked')
    OR ((OLD.state = 'asked' OR NEW.state <> 'asked')
      AND (NEW.claimant, NEW.relation, NEW.claimant_enc, NEW.tender, NEW.asked_by, NEW.asked_at)
        IS DISTINCT FROM (OLD.claimant, OLD.relation, OLD.claimant_enc, OLD.tender, OLD.asked_by, OLD.asked_at)) THEN
    RAISE EXCEPTION 'append_only: unclaimed_deposit' USING ERRCODE = 'HP001';
  END IF;
  IF (CASE OLD.state || '>' || NEW.state
      WHEN 'waiting>asked' THEN EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.asked_by)
      WHEN 'waiting>ended' THEN true
      WHEN 'asked>ended' THEN true
      WHEN 'asked>paid' THEN (NEW.claimant = 'patient' OR lower(btrim(NEW.decided_by)) <> lower(btrim(NEW.asked_by)))
        AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
          AND u.user_id = NEW.decided_by)
        AND EXISTS (SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.book = NEW.book
          AND r.serial = NEW.serial AND r.kind = 'return' AND r.stay_no = NEW.stay_no AND r.tender = NEW.tender
          AND r.issued_at = NEW.decided_at)
      ELSE false END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: unclaimed_deposit' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER unclaimed_deposit_walk BEFORE INSERT OR UPDATE ON unclaimed_deposit
  FOR EACH ROW EXECUTE FUNCTION unclaimed_deposit_walk();

-- Under 2307 stands what came back of a stay's refunds as well; what is owed on outpatient claims is opened as before
-- (0051).
CREATE OR REPLACE FUNCTION outpatient_owed_opens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f WHERE (f.account_id LIKE '2103:%' OR f.account_id LIKE '2307:%')
    AND (f.subject = '2307' AND f.normal_side = -1 AND f.guarded AND f.ceiling_fen IS NULL AND f.fund = ''
      AND CASE
        WHEN f.account_id LIKE '2307:stay:%' THEN EXISTS (SELECT 1 FROM stay s
          WHERE s.institution_id = f.institution_id AND s.stay_no = substr(f.account_id, 11))
        WHEN f.account_id LIKE '2307:refund:%' THEN EXISTS (SELECT 1 FROM outpatient_claim c
          WHERE c.institution_id = f.institution_id AND c.claim_id = substr(f.account_id, 13)
            AND (c.remitted OR outpatient_is_with_treasury(c.institution_id, c.claim_id)))
        ELSE false END) IS NOT TRUE) THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;
