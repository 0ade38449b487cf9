-- A reservation that ran out pays nothing, whether the daily step has given it back yet or not.
CREATE TRIGGER fund_payment_in_time BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'fund_payment' BEGIN
  SELECT RAISE(ABORT, 'ran_out: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM fund_request q WHERE q.institution_id = NEW.institution_id
      AND 'fund_request:' || q.request_id = NEW.source
      AND (q.expires_at IS NULL OR q.expires_at <= NEW.posted_at));
END;
