-- The same promises as beside it for PostgreSQL.

-- Where a line of a grant stands, what is owed falls by what the bank account pays, unless a settlement stands in the
-- entry; and a claim on members takes the place of what they hold, to the fen, and of nothing else.
CREATE TRIGGER ledger_entry_fund_falls BEFORE INSERT ON ledger_entry WHEN EXISTS (
  SELECT 1 FROM ledger_posting l WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
    AND l.fund <> '') BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM (
      SELECT sum(a.subject = '23050101') AS owed, sum(a.subject = '12120201') AS settled,
        sum(a.subject = '1218' AND a.fund = '') AS claims,
        sum(CASE WHEN a.subject = '23050101' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS fall,
        sum(CASE WHEN a.subject = '1002' THEN l.credit_fen - l.debit_fen ELSE 0 END) AS paid,
        sum(CASE WHEN a.subject = '1218' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS lent
      FROM ledger_posting l JOIN ledger_account a
        ON a.institution_id = l.institution_id AND a.account_id = l.account_id
      WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no) q
    WHERE (q.owed > 0 AND q.settled = 0 AND q.fall <> q.paid) OR (q.owed + q.claims > 0 AND q.lent <> 0));
END;

-- A grant counts as received only once its books say that all of it is owed.
CREATE TRIGGER fund_grant_received BEFORE UPDATE OF state ON fund_grant
  WHEN OLD.state = 'approved' AND NEW.state = 'received' BEGIN
  SELECT RAISE(ABORT, 'not_booked: fund_grant') WHERE NOT EXISTS (
    SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
      AND a.account_id = '23050101:' || NEW.grant_id AND a.balance_fen = NEW.approved_fen);
END;

-- An approval isn't taken back while money of the grant stands in the books.
CREATE TRIGGER fund_approval_withdrawn_empty BEFORE INSERT ON fund_approval_withdrawn BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_approval_withdrawn') WHERE EXISTS (
    SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id AND a.fund = NEW.grant_id
      AND a.balance_fen <> 0);
END;
