-- A claim holds its account and the batch that the account stands on until it is written down: an approval, a freezing
-- or a booking that comes at the same time waits for it, or it for them, and then sees what there is.
CREATE FUNCTION outpatient_claim_holds() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  PERFORM 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
    FOR NO KEY UPDATE;
  PERFORM 1 FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id
    AND b.state IN ('proposed', 'frozen', 'approved') AND b.batch_no IN (SELECT l.batch_no FROM outpatient_batch_line l
      WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no) FOR SHARE;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_holds BEFORE INSERT ON outpatient_claim
  FOR EACH ROW EXECUTE FUNCTION outpatient_claim_holds();

-- What is frozen is frozen whole, and nobody claims any of it.
CREATE FUNCTION outpatient_batch_freezes() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_batch_line l JOIN outpatient_account a USING (institution_id, account_no)
      WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no AND a.state <> 'frozen')
    OR EXISTS (SELECT 1 FROM outpatient_batch_line l JOIN outpatient_claim c USING (institution_id, account_no)
      WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no
        AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_batch' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_batch_freezes BEFORE UPDATE ON outpatient_batch FOR EACH ROW
  WHEN (NEW.state = 'frozen') EXECUTE FUNCTION outpatient_batch_freezes();

-- More than three years on the batch's day, as the account itself says (8): when the line is written, and when its
-- account is frozen for it.
CREATE FUNCTION outpatient_batch_line_is_old() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT f.institution_id, f.batch_no, max(f.last_movement_on) AS youngest FROM fresh f
      GROUP BY f.institution_id, f.batch_no) q
    WHERE (q.youngest < (SELECT (b.on_day - interval '3 years')::date FROM outpatient_batch b
      WHERE b.institution_id = q.institution_id AND b.batch_no = q.batch_no)) IS NOT TRUE) THEN
    RAISE EXCEPTION 'not_yet: outpatient_batch_line' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_batch_line_is_old AFTER INSERT ON outpatient_batch_line
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_batch_line_is_old();
CREATE FUNCTION outpatient_account_is_old() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF (NEW.last_movement_on < (SELECT (b.on_day - interval '3 years')::date FROM outpatient_batch b
      WHERE b.institution_id = NEW.institution_id AND b.state = 'proposed'
        AND (SELECT l.last_movement_on FROM outpatient_batch_line l WHERE l.institution_id = b.institution_id
          AND l.batch_no = b.batch_no AND l.account_no = NEW.account_no) = NEW.last_movement_on
      ORDER BY b.on_day LIMIT 1)) IS NOT TRUE THEN
    RAISE EXCEPTION 'not_yet: outpatient_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_account_is_old BEFORE UPDATE OF state ON outpatient_account FOR EACH ROW
  WHEN (NEW.state = 'frozen' AND OLD.state <> 'frozen') EXECUTE FUNCTION outpatient_account_is_old();

-- An account's money goes to the treasury while the account is frozen for it and nobody claims it. Each line's account
-- and claims are looked up by their keys.
CREATE FUNCTION outpatient_escheat_stands() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT substr(p.account_id, 10) AS account_no FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no AND p.account_id LIKE '23050102:%'
      ORDER BY p.line_no OFFSET 0) l
    WHERE ((SELECT a.state FROM outpatient_account a WHERE a.institution_id = NEW.institution_id
        AND a.account_no = l.account_no) = 'frozen'
      AND (SELECT count(*) FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
        AND c.account_no = l.account_no AND NOT c.remitted
        AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')) = 0) IS NOT TRUE) THEN
    RAISE EXCEPTION 'outpatient: ledger_posting' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_escheat_stands AFTER INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind = 'outpatient_escheat') EXECUTE FUNCTION outpatient_escheat_stands();

-- Money that stands in the books for a claim holds it: it isn't withdrawn, sent again or decided anew.
CREATE FUNCTION outpatient_claim_is_not_paid() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM ledger_entry e
      WHERE e.institution_id = NEW.institution_id AND e.source = 'outpatient_claim:' || NEW.claim_id
        AND e.kind IN ('outpatient_advance', 'outpatient_refund')
        AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = e.institution_id
          AND r.reverses_no = e.entry_no)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_is_not_paid BEFORE UPDATE ON outpatient_claim FOR EACH ROW
  WHEN (NEW.state IN ('withdrawn', 'failed', 'reviewed', 'rejected'))
  EXECUTE FUNCTION outpatient_claim_is_not_paid();
-- Whoever posts it holds the claim for that, and nothing but a payment of the bank's comes back. A deposit that was
-- taken is never taken back by its name: it is refunded, past three people.
CREATE FUNCTION outpatient_payment_stands() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NEW.kind IN ('outpatient_refund', 'outpatient_advance') THEN
    PERFORM 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
      AND c.claim_id = substr(NEW.source, 18) FOR NO KEY UPDATE;
    RETURN NEW;
  END IF;
  IF NEW.kind = 'outpatient_deposit_voided' OR NOT EXISTS (SELECT 1 FROM outpatient_payout p
      WHERE p.institution_id = NEW.institution_id AND p.claim_id = substr(NEW.source, 18)
        AND p.entry_no = NEW.reverses_no AND p.route <> 'cash' AND p.state = 'arrived') THEN
    RAISE EXCEPTION 'outpatient: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_payment_stands BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_refund_returned',
    'outpatient_advance_returned', 'outpatient_deposit_voided'))
  EXECUTE FUNCTION outpatient_payment_stands();

-- A receipt of cash is compared by its letters and digits, and stands for one payment.
CREATE FUNCTION outpatient_payout_receipt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (CASE WHEN TG_OP = 'UPDATE' THEN NEW.receipt_key = OLD.receipt_key
        AND (NEW.route <> 'cash' OR NEW.bank_reference = OLD.bank_reference)
      WHEN NEW.route = 'cash' THEN NEW.receipt_key <> '' AND length(NEW.bank_reference) <= 64
        AND NEW.receipt_key = fund_plain_slip(NEW.bank_reference)
      ELSE NEW.receipt_key = '' END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_payout_receipt BEFORE INSERT OR UPDATE ON outpatient_payout
  FOR EACH ROW EXECUTE FUNCTION outpatient_payout_receipt();

-- A claim whose money came back leaves the list that nobody has yet; a list that goes holds claims that arrived.
CREATE FUNCTION outpatient_advance_line_leaves(p_institution text, p_list integer, p_claim text) RETURNS boolean
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_advance_list l WHERE l.institution_id = p_institution
    AND l.list_no = p_list AND (l.state = 'refused' OR (l.state = 'made' AND EXISTS (SELECT 1 FROM outpatient_claim c
      WHERE c.institution_id = p_institution AND c.claim_id = p_claim AND c.state <> 'arrived'))))
$$;
CREATE OR REPLACE FUNCTION outpatient_advance_line_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('outpatient_advance:' || NEW.institution_id, 0));
  IF TG_OP = 'INSERT' THEN
    IF (NEW.counts AND EXISTS (SELECT 1 FROM outpatient_advance_list l WHERE l.institution_id = NEW.institution_id
          AND l.list_no = NEW.list_no AND l.state = 'made')
        AND EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
          AND c.claim_id = NEW.claim_id AND c.account_no = NEW.account_no AND c.remitted AND c.state = 'arrived'
          AND NEW.applied_fen <= c.amount_fen)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_advance_line' USING ERRCODE = 'HP006';
    END IF;
  ELSIF (to_jsonb(NEW) - 'counts') <> (to_jsonb(OLD) - 'counts') OR NEW.counts
      OR NOT outpatient_advance_line_leaves(NEW.institution_id, NEW.list_no, NEW.claim_id) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_advance_line' USING ERRCODE = 'HP006';
  ELSE
    RETURN NEW;
  END IF;
  IF (NEW.applied_fen + (SELECT coalesce(sum(a.applied_fen), 0) FROM outpatient_advance_line a
        WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no AND a.counts)
      <= (SELECT coalesce(sum(l.balance_fen), 0) FROM outpatient_batch_line l JOIN outpatient_batch b
          USING (institution_id, batch_no)
        WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no AND b.state = 'remitted')
    AND NEW.applied_fen + (SELECT coalesce(sum(a.applied_fen), 0) FROM outpatient_advance_line a
        WHERE a.institution_id = NEW.institution_id AND a.counts)
      <= (SELECT coalesce(sum(b.total_fen), 0) FROM outpatient_batch b
        WHERE b.institution_id = NEW.institution_id AND b.state = 'remitted')) IS NOT TRUE THEN
    RAISE EXCEPTION 'above_remitted: outpatient_advance_line' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION outpatient_advance_list_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  free text[] := ARRAY['state', 'document', 'submitted_on', 'submitted_by', 'bank_reference', 'reimbursed_on',
    'reimbursed_by', 'ground', 'document_key', 'slip_key'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'made' AND num_nonnulls(NEW.submitted_by, NEW.reimbursed_by) = 0
        AND concat(NEW.document_key, NEW.slip_key) = '') IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_advance_list' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('made', 'made'), ('made', 'submitted'), ('made', 'refused'),
        ('submitted', 'refused'), ('submitted', 'reimbursed'))) IS NOT TRUE
    OR (NEW.state <> 'made' AND (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free))
    OR (NEW.state = 'made' AND ((to_jsonb(NEW) - ARRAY['claims', 'total_fen'])
        <> (to_jsonb(OLD) - ARRAY['claims', 'total_fen']) OR NEW.claims >= OLD.claims))
    OR (NEW.state IN ('made', 'submitted') AND NOT EXISTS (SELECT 1 FROM outpatient_advance_line a
      WHERE a.institution_id = NEW.institution_id AND a.list_no = NEW.list_no AND a.counts
      HAVING count(*) = NEW.claims AND count(*) > 0 AND coalesce(sum(a.applied_fen), 0) = NEW.total_fen))
    OR (NEW.state <> 'submitted' AND (NEW.document, NEW.document_key) IS DISTINCT FROM (OLD.document, OLD.document_key))
    OR (NEW.state <> 'reimbursed' AND (NEW.bank_reference, NEW.slip_key)
      IS DISTINCT FROM (OLD.bank_reference, OLD.slip_key))
    OR (NEW.state = 'submitted' AND (NEW.document_key = '' OR EXISTS (SELECT 1 FROM outpatient_advance_line a
        JOIN outpatient_claim c USING (institution_id, claim_id)
      WHERE a.institution_id = NEW.institution_id AND a.list_no = NEW.list_no AND a.counts AND c.state <> 'arrived')))
    OR (NEW.state = 'reimbursed' AND (length(NEW.bank_reference) <= 64 AND NEW.slip_key <> ''
      AND NEW.slip_key = fund_plain_slip(NEW.bank_reference)) IS NOT TRUE)
    OR (NEW.state = 'reimbursed' AND NEW.total_fen IS DISTINCT FROM (
      SELECT sum(p.credit_fen) FROM ledger_entry e JOIN ledger_posting p USING (institution_id, entry_no)
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_reimbursed'
        AND e.source = 'outpatient_advance_list:' || NEW.list_no AND p.account_id LIKE '1218:advance:%')) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_advance_list' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- The slip of the treasury's money stands for no other movement: of the restricted fund, or of a batch.
CREATE FUNCTION outpatient_slip_is_new() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  plain text := CASE TG_TABLE_NAME WHEN 'fund_bank_evidence' THEN to_jsonb(NEW) ->> 'reference'
    ELSE to_jsonb(NEW) ->> 'slip_key' END;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('slip:' || NEW.institution_id || ':' || plain, 0));
  IF (TG_TABLE_NAME <> 'outpatient_advance_list' AND EXISTS (SELECT 1 FROM outpatient_advance_list l
      WHERE l.institution_id = NEW.institution_id AND l.slip_key = plain AND l.slip_key <> ''))
    OR (TG_TABLE_NAME = 'outpatient_advance_list' AND (EXISTS (SELECT 1 FROM outpatient_batch b
        WHERE b.institution_id = NEW.institution_id AND b.slip_key = plain)
      OR EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = NEW.institution_id AND b.reference = plain
        AND NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN fund_correction c
          ON c.institution_id = e.institution_id AND 'fund_correction:' || c.correction_id = e.source
          WHERE e.institution_id = NEW.institution_id AND e.reverses_no = b.entry_no AND c.why = 'mistyped'))
      OR EXISTS (SELECT 1 FROM fund_settlement s WHERE s.institution_id = NEW.institution_id
        AND s.bank_reference <> '' AND upper(translate(s.bank_reference, ' -./_', '')) = plain))) THEN
    RAISE EXCEPTION 'slip_used: outpatient_advance_list' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_slip_is_new BEFORE UPDATE ON outpatient_advance_list FOR EACH ROW
  WHEN (NEW.state = 'reimbursed') EXECUTE FUNCTION outpatient_slip_is_new();
CREATE TRIGGER outpatient_slip_is_new BEFORE UPDATE ON outpatient_batch FOR EACH ROW
  WHEN (NEW.state = 'remitted') EXECUTE FUNCTION outpatient_slip_is_new();
CREATE TRIGGER outpatient_slip_is_new BEFORE INSERT ON fund_bank_evidence FOR EACH ROW
  EXECUTE FUNCTION outpatient_slip_is_new();

-- The way the money came is open to its owner in person alone, while the hospital has the money, and where there is one.
CREATE FUNCTION outpatient_claim_goes_back() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF (NOT NEW.remitted AND NEW.claimant = 'self' AND (SELECT a.channel FROM outpatient_account a
      WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no) IN ('wechat', 'alipay', 'card'))
      IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_goes_back BEFORE INSERT OR UPDATE OF route ON outpatient_claim FOR EACH ROW
  WHEN (NEW.route = 'original' AND NEW.state IN ('accepted', 'reviewed'))
  EXECUTE FUNCTION outpatient_claim_goes_back();

-- An attempt that failed waits again while the bank says two things of it: nothing more is sent then.
CREATE OR REPLACE FUNCTION outpatient_payout_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.attempt_no = 1 + (SELECT count(*) FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
        AND p.claim_id = NEW.claim_id)
      AND NEW.state IN ('sent', 'arrived') AND (NEW.state = 'arrived') = (NEW.route = 'cash')
      AND EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
        AND c.claim_id = NEW.claim_id AND c.state IN ('confirmed', 'failed') AND c.route = NEW.route
        AND c.amount_fen = NEW.amount_fen)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('sent', 'arrived'), ('sent', 'failed'), ('arrived', 'returned'),
        ('failed', 'sent'))) IS NOT TRUE
    OR (NEW.state = 'sent' AND (NEW.answered_at IS NULL OR NEW.bank_reference <> OLD.bank_reference
      OR NEW.attempt_no <> (SELECT count(*) FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
        AND p.claim_id = NEW.claim_id)
      OR NOT EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
        AND c.claim_id = NEW.claim_id AND c.state = 'failed')))
    OR (NEW.institution_id, NEW.claim_id, NEW.attempt_no, NEW.route, NEW.file_no, NEW.amount_fen, NEW.sent_by,
        NEW.sent_at) IS DISTINCT FROM (OLD.institution_id, OLD.claim_id, OLD.attempt_no, OLD.route, OLD.file_no,
        OLD.amount_fen, OLD.sent_by, OLD.sent_at)
    OR (OLD.entry_no IS NOT NULL AND NEW.entry_no IS DISTINCT FROM OLD.entry_no) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
