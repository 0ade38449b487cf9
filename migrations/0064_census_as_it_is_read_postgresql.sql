-- An import goes its steps; what its file held is told once, while it has no account counted yet (7).
CREATE OR REPLACE FUNCTION outpatient_import_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  free text[] := ARRAY['state', 'decided_by', 'decided_at', 'booked_at'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'counted' AND num_nonnulls(NEW.decided_by, NEW.decided_at, NEW.booked_at) = 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_import' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state = 'counted' AND NEW.state = 'counted' THEN
    free := ARRAY['accepted', 'rejected', 'total_fen', 'doubts'];
  END IF;
  IF ((OLD.state, NEW.state) IN (('counted', 'confirmed'), ('counted', 'dropped'), ('confirmed', 'booked'))
      OR (OLD.state = 'counted' AND NEW.state = 'counted' AND OLD.accepted = 0 AND NEW.accepted > 0)) IS NOT TRUE
    OR to_jsonb(NEW) - free <> to_jsonb(OLD) - free
    OR (OLD.decided_by IS NOT NULL AND NEW.decided_by IS DISTINCT FROM OLD.decided_by)
    OR (NEW.state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM outpatient_account a
      WHERE a.institution_id = NEW.institution_id AND a.import_no = NEW.import_no
      HAVING count(*) = NEW.accepted AND coalesce(sum(a.opening_fen), 0) = NEW.total_fen))
    OR (NEW.state = 'booked' AND NEW.total_fen <> (SELECT coalesce(sum(p.debit_fen), 0) FROM ledger_entry e
      JOIN ledger_posting p USING (institution_id, entry_no)
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_opening'
        AND e.source = 'outpatient_import:' || NEW.import_no AND p.account_id = '1002'))
    OR (NEW.state = 'dropped' AND EXISTS (SELECT 1 FROM outpatient_account a
      WHERE a.institution_id = NEW.institution_id AND a.import_no = NEW.import_no)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_import' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- What is right of a new account is said in the condition, which costs a tenth of calling a function to find it so;
-- the function refuses the rest.
DROP TRIGGER ledger_account_opens ON ledger_account;
CREATE TRIGGER ledger_account_opens BEFORE INSERT ON ledger_account FOR EACH ROW WHEN (
  (NEW.balance_fen = 0 AND NEW.ceiling_fen IS NULL AND NEW.normal_side = -1 AND NEW.guarded AND NEW.fund = ''
    AND ((NEW.subject = '23050102' AND NEW.account_id LIKE '23050102:%')
      OR (NEW.subject = '230502' AND NEW.account_id LIKE '230502:%'))) IS NOT TRUE)
  EXECUTE FUNCTION ledger_account_opens();
DROP TRIGGER arrears_account_guarded ON ledger_account;
CREATE TRIGGER arrears_account_guarded BEFORE INSERT ON ledger_account FOR EACH ROW WHEN (
  NEW.guarded IS NOT TRUE AND (NEW.subject = '1219' OR NEW.account_id LIKE '12120203:%') IS NOT FALSE)
  EXECUTE FUNCTION arrears_account_guarded();

-- As in 0039; of an opening no line has a fund.
CREATE OR REPLACE FUNCTION outpatient_lines_stand() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f WHERE f.account_id LIKE '2305%' AND f.account_id NOT LIKE '23050101%'
      AND f.account_id NOT LIKE '23050103%' OR f.account_id = '2103' OR f.account_id LIKE '1218:advance:%') THEN
    IF EXISTS (SELECT 1 FROM fresh f JOIN (
        SELECT h.institution_id, h.entry_no, h.kind, h.source, h.reverses_no, i.import_no, b.batch_no
        FROM (SELECT DISTINCT n.institution_id, n.entry_no FROM fresh n) n
        JOIN ledger_entry h USING (institution_id, entry_no)
        LEFT JOIN outpatient_import i ON h.kind = 'outpatient_opening' AND i.institution_id = h.institution_id
          AND 'outpatient_import:' || i.import_no = h.source AND i.state = 'confirmed'
        LEFT JOIN outpatient_batch b ON h.kind = 'outpatient_escheat' AND b.institution_id = h.institution_id
          AND 'outpatient_batch:' || b.batch_no = h.source AND b.state = 'approved'
        OFFSET 0) e USING (institution_id, entry_no)
      WHERE (CASE
        WHEN (f.account_id LIKE '23050102:%' OR f.account_id LIKE '230502:%') AND e.kind = 'outpatient_opening' THEN
          f.fund = ''
          AND f.credit_fen = (SELECT o.opening_fen FROM outpatient_account o WHERE o.institution_id = f.institution_id
            AND o.account_no = substr(f.account_id, strpos(f.account_id, ':') + 1) AND o.import_no = e.import_no)
          AND f.credit_fen = (SELECT a.balance_fen FROM ledger_account a
            WHERE a.institution_id = f.institution_id AND a.account_id = f.account_id)
        WHEN f.account_id LIKE '23050102:%' AND e.kind = 'outpatient_escheat' THEN
          f.debit_fen = (SELECT l.balance_fen FROM outpatient_batch_line l WHERE l.institution_id = f.institution_id
            AND l.batch_no = e.batch_no AND l.account_no = substr(f.account_id, strpos(f.account_id, ':') + 1))
        WHEN f.account_id LIKE '23050102%' OR f.account_id LIKE '230502%' THEN outpatient_line_stands(
          f.institution_id, f.account_id, f.debit_fen, f.credit_fen, e.kind, e.source, e.reverses_no)
        WHEN f.account_id = '2103' THEN (f.credit_fen > 0 AND e.kind = 'outpatient_escheat')
          OR (f.debit_fen > 0 AND e.kind = 'outpatient_remittance')
        WHEN f.account_id LIKE '1218:advance:%' THEN
          (f.debit_fen > 0 AND e.kind = 'outpatient_advance' AND e.reverses_no IS NULL
            AND e.source = 'outpatient_claim:' || substr(f.account_id, 14))
          OR (e.kind = 'outpatient_reimbursed' AND f.credit_fen = (SELECT a.applied_fen
            FROM outpatient_advance_line a JOIN outpatient_advance_list l USING (institution_id, list_no)
            WHERE a.institution_id = f.institution_id AND a.claim_id = substr(f.account_id, 14) AND a.counts
              AND l.state = 'submitted' AND 'outpatient_advance_list:' || l.list_no = e.source))
          OR (e.kind = 'outpatient_advance_returned' AND outpatient_red(f.institution_id, e.reverses_no, e.kind))
        ELSE true END) IS NOT TRUE) THEN
      RAISE EXCEPTION 'outpatient: ledger_posting' USING ERRCODE = 'HP008';
    END IF;
  END IF;
  RETURN NULL;
END $$;
