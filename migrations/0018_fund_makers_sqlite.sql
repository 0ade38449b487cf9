-- A reservation that ran out pays nothing, whether the daily step has given it back yet or not.
CREATE TRIGGER fund_payment_in_time BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'fund_payment' BEGIN
  SELECT RAISE(ABORT, 'ran_out: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM fund_request q WHERE q.institution_id = NEW.institution_id
      AND 'fund_request:' || q.request_id = NEW.source
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
