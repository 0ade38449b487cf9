-- Where a line of a grant stands, what is owed falls by what the bank account pays, unless a settlement stands in the
-- entry; and a claim on members takes the place of what they hold, to the fen, and of nothing else.
ALTER FUNCTION fund_lines_stand(text, bigint, text, text, bigint, text) RENAME TO fund_lines_mirror;

CREATE FUNCTION fund_lines_stand(
  p_institution text, p_entry bigint, p_kind text, p_source text, p_reverses bigint, p_fund text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT fund_lines_mirror(p_institution, p_entry, p_kind, p_source, p_reverses, p_fund)
    AND (q.owed = 0 OR q.settled > 0 OR q.fall = q.paid) AND (q.owed + q.claims = 0 OR q.lent = 0)
  FROM (
    SELECT count(*) FILTER (WHERE a.subject = '23050101') AS owed,
      count(*) FILTER (WHERE a.subject = '12120201') AS settled,
      count(*) FILTER (WHERE a.subject = '1218' AND a.fund = '') AS claims,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.subject = '23050101'), 0) AS fall,
      coalesce(sum(l.credit_fen - l.debit_fen) FILTER (WHERE a.subject = '1002'), 0) AS paid,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.subject = '1218'), 0) AS lent
    FROM ledger_posting l JOIN ledger_account a USING (institution_id, account_id)
    WHERE l.institution_id = p_institution AND l.entry_no = p_entry) q
$$;

-- What stands once is the settlement's document (0021); a corrected offset frees it, which this one didn't know.
DROP TRIGGER fund_offset_once ON ledger_entry;
DROP FUNCTION fund_offset_once();

-- A grant counts as received only once its books say that all of it is owed.
CREATE FUNCTION fund_grant_received() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
      AND a.account_id = '23050101:' || NEW.grant_id AND a.balance_fen = NEW.approved_fen) THEN
    RAISE EXCEPTION 'not_booked: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_grant_received BEFORE UPDATE OF state ON fund_grant FOR EACH ROW
  WHEN (OLD.state = 'approved' AND NEW.state = 'received') EXECUTE FUNCTION fund_grant_received();

-- An approval isn't taken back while money of the grant stands in the books.
CREATE FUNCTION fund_approval_withdrawn_empty() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id AND a.fund = NEW.grant_id
      AND a.balance_fen <> 0) THEN
    RAISE EXCEPTION 'wrong_step: fund_approval_withdrawn' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_approval_withdrawn_empty BEFORE INSERT ON fund_approval_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_approval_withdrawn_empty();
