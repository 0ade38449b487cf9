-- A reservation that ran out pays nothing, whether the daily step has given it back yet or not.
CREATE FUNCTION fund_payment_in_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fund_request q WHERE q.institution_id = NEW.institution_id
      AND 'fund_request:' || q.request_id = NEW.source AND q.state = 'reserved'
      AND (q.expires_at IS NULL OR q.expires_at <= NEW.posted_at)) THEN
    RAISE EXCEPTION 'ran_out: ledger_entry' USING ERRCODE = 'HP009';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_payment_in_time BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind = 'fund_payment') EXECUTE FUNCTION fund_payment_in_time();

-- An invoice proves lines of one request: recorded again, in other letters or with blanks, dashes, dots or strokes, it
-- is the same supplier's same invoice. What bounced or was given back frees its invoices. Two that come at the same
-- moment wait for each other.
CREATE FUNCTION fund_evidence_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  supplier text := (SELECT q.payee_credit_code FROM fund_request q
    WHERE q.institution_id = NEW.institution_id AND q.request_id = NEW.request_id);
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('fund_evidence:' || NEW.institution_id || ':' || supplier, 0));
  IF EXISTS (SELECT 1 FROM fund_request q
      JOIN fund_evidence v ON v.institution_id = q.institution_id AND v.request_id = q.request_id
      WHERE q.institution_id = NEW.institution_id AND q.payee_credit_code = supplier
        AND q.request_id <> NEW.request_id AND q.state IN ('paid', 'evidenced')
        AND upper(translate(v.invoice_no, ' -./', '')) = upper(translate(NEW.invoice_no, ' -./', ''))) THEN
    RAISE EXCEPTION 'invoice_used: fund_evidence' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_evidence_once BEFORE INSERT ON fund_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_evidence_once();

-- The losses of a grant that aren't made good, recorded or confirmed, are never more than is owed when one is added or
-- confirmed: of a confirmed one, what the hospital's own money still stands in for counts. Two of one grant wait for
-- each other at its lock.
CREATE FUNCTION fund_incident_owed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id FOR UPDATE;
  IF NEW.amount_fen
      + (SELECT coalesce(sum(CASE i.state WHEN 'recorded' THEN i.amount_fen
          ELSE coalesce((SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = i.institution_id
            AND a.account_id = '1218:incident:' || i.incident_id), 0) END), 0)
        FROM fund_incident i WHERE i.institution_id = NEW.institution_id AND i.grant_id = NEW.grant_id
          AND i.state <> 'rejected' AND i.incident_id <> NEW.incident_id)
      > (SELECT coalesce(sum(o.balance_fen), 0) FROM ledger_account o WHERE o.institution_id = NEW.institution_id
        AND o.account_id = '23050101:' || NEW.grant_id) THEN
    RAISE EXCEPTION 'more_than_owed: fund_incident' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_incident_owed BEFORE INSERT ON fund_incident
  FOR EACH ROW EXECUTE FUNCTION fund_incident_owed();
CREATE TRIGGER fund_incident_owed_still BEFORE UPDATE ON fund_incident
  FOR EACH ROW WHEN (NEW.state = 'confirmed') EXECUTE FUNCTION fund_incident_owed();

-- Whoever begins a row is somebody of the institution: of its staff or, where the second argument says so, another
-- system of it. The first argument names the column. By its name the trigger looks before the others of its table.
CREATE FUNCTION fund_maker() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  person text := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = person)
    AND NOT (TG_ARGV[1]::boolean AND EXISTS (SELECT 1 FROM api_client c
      WHERE c.institution_id = NEW.institution_id AND c.client_id = person)) THEN
    RAISE EXCEPTION 'maker: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- A bank slip stands behind one settlement, of whatever kind, month and fund, however it is spelled.
CREATE FUNCTION fund_settlement_slip_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('fund_settlement:' || NEW.institution_id, 0));
  IF EXISTS (SELECT 1 FROM fund_settlement s WHERE s.institution_id = NEW.institution_id
      AND upper(translate(s.bank_reference, ' -./', '')) = upper(translate(NEW.bank_reference, ' -./', ''))) THEN
    RAISE EXCEPTION 'slip_used: fund_settlement' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_settlement_slip_once BEFORE INSERT ON fund_settlement FOR EACH ROW
  WHEN (NEW.bank_reference <> '') EXECUTE FUNCTION fund_settlement_slip_once();

-- A settlement is offset once: the summary of its entry carries the document's plain number.
CREATE FUNCTION fund_offset_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('fund_offset:' || NEW.institution_id, 0));
  IF EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_offset'
      AND e.summary = NEW.summary) THEN
    RAISE EXCEPTION 'offset_before: ledger_entry' USING ERRCODE = 'HP009';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_offset_once BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind = 'fund_offset') EXECUTE FUNCTION fund_offset_once();

-- A line that goes on carries the batch of its grant's document, in the same letters.
CREATE FUNCTION fund_request_line_batch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fund_request q JOIN fund_procurement p
      ON p.institution_id = q.institution_id AND p.grant_id = q.grant_id
      WHERE q.institution_id = NEW.institution_id AND q.request_id = NEW.request_id AND p.batch <> NEW.batch) THEN
    RAISE EXCEPTION 'other_batch: fund_request_line' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_request_line_batch BEFORE INSERT ON fund_request_line FOR EACH ROW
  WHEN (NEW.outcome <> 'refused') EXECUTE FUNCTION fund_request_line_batch();

-- Money is reserved, given back or bounced by an entry of the request, over its whole sum, before the request says so.
CREATE FUNCTION fund_request_booked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.state = 'reserved' AND NEW.expires_at IS NULL) OR NOT EXISTS (
      SELECT 1 FROM ledger_posting l JOIN ledger_entry e
        ON e.institution_id = l.institution_id AND e.entry_no = l.entry_no
      WHERE l.institution_id = NEW.institution_id AND l.account_id = '1002:reserved:' || NEW.grant_id
        AND e.source = 'fund_request:' || NEW.request_id
        AND CASE
          WHEN NEW.state = 'reserved' THEN e.kind = 'fund_reserve' AND l.debit_fen = NEW.total_fen
          WHEN OLD.state = 'reserved' THEN e.kind = 'fund_unreserve' AND l.credit_fen = NEW.total_fen
          ELSE e.kind = 'fund_payment_bounced' AND l.debit_fen = NEW.total_fen END) THEN
    RAISE EXCEPTION 'not_booked: fund_request' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_request_booked BEFORE UPDATE OF state ON fund_request FOR EACH ROW
  WHEN (NEW.state IN ('reserved', 'released') AND NEW.state IS DISTINCT FROM OLD.state)
  EXECUTE FUNCTION fund_request_booked();
