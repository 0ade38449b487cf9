-- Slips of cash on a second way on PostgreSQL: what came back of a refund and is paid in cash leaves the drawer on a
-- slip of its own, in the book of who asked, approved by who sent it.

CREATE OR REPLACE FUNCTION receipt_counts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE receipt_book b SET last_serial = NEW.serial WHERE b.institution_id = NEW.institution_id
    AND b.book = NEW.book AND b.closed_at IS NULL AND b.last_serial = NEW.serial - 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'receipt_gap: receipt' USING ERRCODE = 'HP005';
  END IF;
  IF NEW.amount_fen IS DISTINCT FROM (
      SELECT abs(sum(p.credit_fen - p.debit_fen)) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND (p.account_id = '23050103:' || NEW.stay_no AND NEW.kind NOT IN ('topup', 'again')
          OR p.account_id = '12120203:' || NEW.stay_no AND NEW.kind IN ('topup', 'void')
          OR p.account_id = '2307:stay:' || NEW.stay_no AND NEW.kind = 'again')) THEN
    RAISE EXCEPTION 'receipt_mismatch: receipt' USING ERRCODE = 'HP005';
  END IF;
  IF NEW.kind = 'return' AND NOT EXISTS (SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id
      AND t.stay_no = NEW.stay_no AND t.kind <> 'interim' AND t.recalled_at IS NULL) THEN
    RAISE EXCEPTION 'not_settled: receipt' USING ERRCODE = 'HP006';
  END IF;
  -- A slip of cash on a second way is of a refund that came back and that its holder asked to be paid so.
  IF NEW.kind = 'again' AND (NEW.tender <> 'cash' OR NOT EXISTS (
      SELECT 1 FROM refund_arrival a JOIN receipt r
        ON r.institution_id = a.institution_id AND r.book = a.book AND r.serial = a.serial
      WHERE r.institution_id = NEW.institution_id AND r.stay_no = NEW.stay_no AND r.amount_fen = NEW.amount_fen
        AND a.state = 'asked' AND a.route = 'cash' AND a.asked_by = NEW.issued_by)) THEN
    RAISE EXCEPTION 'wrong_step: receipt' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION refund_arrival_on_a_slip() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM receipt s JOIN receipt r
        ON r.institution_id = NEW.institution_id AND r.book = NEW.book AND r.serial = NEW.serial
      WHERE s.institution_id = NEW.institution_id AND s.entry_no = NEW.entry_no AND s.kind = 'again'
        AND s.stay_no = r.stay_no AND s.amount_fen = r.amount_fen
        AND s.issued_by = NEW.asked_by AND s.approved_by = NEW.sent_by) THEN
    RAISE EXCEPTION 'receipt_mismatch: refund_arrival' USING ERRCODE = 'HP005';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refund_arrival_on_a_slip BEFORE UPDATE ON refund_arrival FOR EACH ROW
  WHEN (OLD.state = 'asked' AND NEW.state = 'sent' AND NEW.route = 'cash')
  EXECUTE FUNCTION refund_arrival_on_a_slip();

-- By the end of the transaction the entry of such a slip is that of the second way it is of, which its walk (0057)
-- holds to what it moved: so much of 2307 of the stay, and out of the drawer. One slip of a way: an entry has one.
CREATE FUNCTION receipt_has_its_way() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM refund_arrival a JOIN receipt r
        ON r.institution_id = a.institution_id AND r.book = a.book AND r.serial = a.serial
      WHERE a.institution_id = NEW.institution_id AND a.entry_no = NEW.entry_no
        AND a.route = 'cash' AND a.state IN ('sent', 'arrived')
        AND r.stay_no = NEW.stay_no AND r.amount_fen = NEW.amount_fen) THEN
    RAISE EXCEPTION 'wrong_step: receipt' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER receipt_has_its_way AFTER INSERT ON receipt DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.kind = 'again') EXECUTE FUNCTION receipt_has_its_way();
