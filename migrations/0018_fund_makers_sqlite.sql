-- A reservation that ran out pays nothing, whether the daily step has given it back yet or not.
CREATE TRIGGER fund_payment_in_time BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'fund_payment' BEGIN
  SELECT RAISE(ABORT, 'ran_out: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM fund_request q WHERE q.institution_id = NEW.institution_id
      AND 'fund_request:' || q.request_id = NEW.source AND q.state = 'reserved'
      AND (q.expires_at IS NULL OR q.expires_at <= NEW.posted_at));
END;

-- An invoice proves lines of one request: recorded again, in other letters or with blanks, dashes, dots or strokes, it
-- is the same supplier's same invoice. What bounced or was given back frees its invoices.
CREATE TRIGGER fund_evidence_once BEFORE INSERT ON fund_evidence BEGIN
  SELECT RAISE(ABORT, 'invoice_used: fund_evidence') WHERE EXISTS (
    SELECT 1 FROM fund_request mine
      JOIN fund_request other ON other.institution_id = mine.institution_id
        AND other.payee_credit_code = mine.payee_credit_code AND other.request_id <> mine.request_id
        AND other.state IN ('paid', 'evidenced')
      JOIN fund_evidence v ON v.institution_id = other.institution_id AND v.request_id = other.request_id
    WHERE mine.institution_id = NEW.institution_id AND mine.request_id = NEW.request_id
      AND upper(replace(replace(replace(replace(v.invoice_no, ' ', ''), '-', ''), '.', ''), '/', ''))
        = upper(replace(replace(replace(replace(NEW.invoice_no, ' ', ''), '-', ''), '.', ''), '/', '')));
END;

-- The losses of a grant that aren't made good, recorded or confirmed, are never more than is owed when one is added or
-- confirmed: of a confirmed one, what the hospital's own money still stands in for counts.
CREATE TRIGGER fund_incident_owed BEFORE INSERT ON fund_incident BEGIN
  SELECT RAISE(ABORT, 'more_than_owed: fund_incident') WHERE NEW.amount_fen
    + (SELECT coalesce(sum(CASE i.state WHEN 'recorded' THEN i.amount_fen
        ELSE coalesce((SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = i.institution_id
          AND a.account_id = '1218:incident:' || i.incident_id), 0) END), 0)
      FROM fund_incident i WHERE i.institution_id = NEW.institution_id AND i.grant_id = NEW.grant_id
        AND i.state <> 'rejected')
    > (SELECT coalesce(sum(o.balance_fen), 0) FROM ledger_account o WHERE o.institution_id = NEW.institution_id
      AND o.account_id = '23050101:' || NEW.grant_id);
END;

CREATE TRIGGER fund_incident_owed_still BEFORE UPDATE ON fund_incident WHEN NEW.state = 'confirmed' BEGIN
  SELECT RAISE(ABORT, 'more_than_owed: fund_incident') WHERE NEW.amount_fen
    + (SELECT coalesce(sum(CASE i.state WHEN 'recorded' THEN i.amount_fen
        ELSE coalesce((SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = i.institution_id
          AND a.account_id = '1218:incident:' || i.incident_id), 0) END), 0)
      FROM fund_incident i WHERE i.institution_id = NEW.institution_id AND i.grant_id = NEW.grant_id
        AND i.state <> 'rejected' AND i.incident_id <> NEW.incident_id)
    > (SELECT coalesce(sum(o.balance_fen), 0) FROM ledger_account o WHERE o.institution_id = NEW.institution_id
      AND o.account_id = '23050101:' || NEW.grant_id);
END;

-- A bank slip stands behind one settlement, of whatever kind, month and fund, however it is spelled.
CREATE TRIGGER fund_settlement_slip_once BEFORE INSERT ON fund_settlement WHEN NEW.bank_reference <> '' BEGIN
  SELECT RAISE(ABORT, 'slip_used: fund_settlement') WHERE EXISTS (
    SELECT 1 FROM fund_settlement s WHERE s.institution_id = NEW.institution_id
      AND upper(replace(replace(replace(replace(s.bank_reference, ' ', ''), '-', ''), '.', ''), '/', ''))
        = upper(replace(replace(replace(replace(NEW.bank_reference, ' ', ''), '-', ''), '.', ''), '/', '')));
END;

-- A settlement is offset once: the summary of its entry carries the document's plain number.
CREATE TRIGGER fund_offset_once BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'fund_offset' BEGIN
  SELECT RAISE(ABORT, 'offset_before: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_offset'
      AND e.summary = NEW.summary);
END;

-- A line that goes on carries the batch of its grant's document, in the same letters.
CREATE TRIGGER fund_request_line_batch BEFORE INSERT ON fund_request_line WHEN NEW.outcome <> 'refused' BEGIN
  SELECT RAISE(ABORT, 'other_batch: fund_request_line') WHERE EXISTS (
    SELECT 1 FROM fund_request q JOIN fund_procurement p
      ON p.institution_id = q.institution_id AND p.grant_id = q.grant_id
    WHERE q.institution_id = NEW.institution_id AND q.request_id = NEW.request_id AND p.batch <> NEW.batch);
END;

-- Money is reserved, given back or bounced by an entry of the request, over its whole sum, before the request says so.
CREATE TRIGGER fund_request_booked BEFORE UPDATE OF state ON fund_request
  WHEN NEW.state IN ('reserved', 'released') AND NEW.state IS NOT OLD.state
BEGIN
  SELECT RAISE(ABORT, 'not_booked: fund_request') WHERE (NEW.state = 'reserved' AND NEW.expires_at IS NULL)
    OR NOT EXISTS (
      SELECT 1 FROM ledger_entry e JOIN ledger_posting l
        ON l.institution_id = e.institution_id AND l.entry_no = e.entry_no
      WHERE e.institution_id = NEW.institution_id AND e.source = 'fund_request:' || NEW.request_id
        AND l.account_id = '1002:reserved:' || NEW.grant_id
        AND CASE
          WHEN NEW.state = 'reserved' THEN e.kind = 'fund_reserve' AND l.debit_fen = NEW.total_fen
          WHEN OLD.state = 'reserved' THEN e.kind = 'fund_unreserve' AND l.credit_fen = NEW.total_fen
          ELSE e.kind = 'fund_payment_bounced' AND l.debit_fen = NEW.total_fen END);
END;
