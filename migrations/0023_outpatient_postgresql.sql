-- Outpatient deposits on PostgreSQL. Money enters an account by the census that two people confirmed, by a deposit of
-- the kinds that are kept, or back from a payment that bounced; it leaves by a claim that walked past three people, by
-- a batch that was reviewed by three more and approved, or by a correction that two people made. Nothing else, and each
-- once. Nothing here asks who posts.

-- Accounts of outpatients and of what was paid ahead for the treasury carry a balance that never falls below zero.
CREATE FUNCTION outpatient_accounts_open() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f
    WHERE (f.subject IN ('23050102', '230502') OR f.account_id LIKE '1218:advance:%')
      AND (f.guarded AND f.ceiling_fen IS NULL AND f.fund = ''
        AND f.normal_side = CASE f.subject WHEN '1218' THEN 1 ELSE -1 END
        AND (f.subject = '1218' OR EXISTS (SELECT 1 FROM outpatient_account o
          WHERE o.institution_id = f.institution_id AND o.account_no = substr(f.account_id, length(f.subject) + 2)
            AND (o.kind = 'outpatient_deposit') = (f.subject = '23050102')))) IS NOT TRUE) THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_accounts_open AFTER INSERT ON ledger_account
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_accounts_open();

-- What may be taken back, and under which name: an opening, a correction and what the treasury got never.
CREATE FUNCTION outpatient_red(p_institution text, p_reverses bigint, p_kind text) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM ledger_entry o WHERE o.institution_id = p_institution AND o.entry_no = p_reverses
    AND (o.kind, p_kind) IN (('outpatient_deposit', 'outpatient_deposit_voided'),
      ('outpatient_refund', 'outpatient_refund_returned'), ('outpatient_advance', 'outpatient_advance_returned')))
$$;

-- Whether one line on an account of an outpatient may stand in its entry.
CREATE FUNCTION outpatient_line_stands(
  p_institution text, p_account text, p_debit bigint, p_credit bigint, p_kind text, p_source text, p_reverses bigint
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT CASE
    WHEN p_account NOT LIKE '%:%' THEN false
    WHEN p_kind = 'outpatient_refund' THEN p_debit > 0 AND EXISTS (SELECT 1 FROM outpatient_claim c
      WHERE c.institution_id = p_institution AND 'outpatient_claim:' || c.claim_id = p_source
        AND c.account_no = substr(p_account, strpos(p_account, ':') + 1) AND NOT c.remitted
        AND c.amount_fen = p_debit AND c.state IN ('confirmed', 'sent'))
    WHEN p_kind = 'outpatient_correction' THEN EXISTS (SELECT 1 FROM outpatient_correction c
      WHERE c.institution_id = p_institution AND 'outpatient_correction:' || c.correction_id = p_source
        AND c.account_no = substr(p_account, strpos(p_account, ':') + 1) AND c.state = 'approved'
        AND c.change_fen = p_credit - p_debit)
    WHEN p_kind = 'outpatient_deposit' THEN p_credit > 0 AND p_reverses IS NULL AND EXISTS (
      SELECT 1 FROM outpatient_taken t WHERE t.institution_id = p_institution
        AND 'outpatient_taken:' || t.taken_id = p_source
        AND t.account_no = substr(p_account, strpos(p_account, ':') + 1) AND t.amount_fen = p_credit)
    ELSE outpatient_red(p_institution, p_reverses, p_kind) END
$$;

-- Lines on an account of an outpatient, on what is due to the treasury, or on what was paid ahead: looked at together.
CREATE FUNCTION outpatient_lines_stand() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f WHERE f.account_id LIKE '2305%' AND f.account_id NOT LIKE '23050101%'
      AND f.account_id NOT LIKE '23050103%' OR f.account_id = '2103' OR f.account_id LIKE '1218:advance:%') THEN
    IF EXISTS (SELECT 1 FROM fresh f JOIN ledger_entry e USING (institution_id, entry_no)
      WHERE (CASE
        WHEN (f.account_id LIKE '23050102:%' OR f.account_id LIKE '230502:%') AND e.kind = 'outpatient_opening' THEN
          f.credit_fen = (SELECT o.opening_fen FROM outpatient_account o JOIN outpatient_import i
              USING (institution_id, import_no)
            WHERE o.institution_id = f.institution_id AND o.account_no = substr(f.account_id,
                strpos(f.account_id, ':') + 1)
              AND 'outpatient_import:' || i.import_no = e.source AND i.state = 'confirmed')
          AND f.credit_fen = (SELECT a.balance_fen FROM ledger_account a
            WHERE a.institution_id = f.institution_id AND a.account_id = f.account_id)
        WHEN f.account_id LIKE '23050102:%' AND e.kind = 'outpatient_escheat' THEN
          f.debit_fen = (SELECT l.balance_fen FROM outpatient_batch b JOIN outpatient_batch_line l
              USING (institution_id, batch_no)
            WHERE b.institution_id = f.institution_id AND 'outpatient_batch:' || b.batch_no = e.source
              AND b.state = 'approved' AND l.account_no = substr(f.account_id, strpos(f.account_id, ':') + 1))
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
CREATE TRIGGER outpatient_lines_stand AFTER INSERT ON ledger_posting
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_lines_stand();

-- What stands on the other side, and that a claim is paid once: never income, never a second time.
CREATE FUNCTION outpatient_entry_stands() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM ledger_posting l WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
      AND CASE WHEN l.account_id LIKE '1218:advance:%' THEN '1218:advance' ELSE split_part(l.account_id, ':', 1) END
        <> ALL (CASE NEW.kind
        WHEN 'outpatient_opening' THEN ARRAY['23050102', '230502', '1002']
        WHEN 'outpatient_correction' THEN ARRAY['23050102', '230502', '1002']
        WHEN 'outpatient_deposit' THEN ARRAY['23050102', '230502', '1001', '1002', '1021']
        WHEN 'outpatient_deposit_voided' THEN ARRAY['23050102', '230502', '1001', '1002', '1021']
        WHEN 'outpatient_refund' THEN ARRAY['23050102', '230502', '1001', '1002', '1021']
        WHEN 'outpatient_refund_returned' THEN ARRAY['23050102', '230502', '1001', '1002', '1021']
        WHEN 'outpatient_escheat' THEN ARRAY['23050102', '2103']
        WHEN 'outpatient_remittance' THEN ARRAY['2103', '1002']
        WHEN 'outpatient_advance' THEN ARRAY['1218:advance', '5901', '1001', '1002', '1021']
        WHEN 'outpatient_advance_returned' THEN ARRAY['1218:advance', '5901', '1001', '1002', '1021']
        WHEN 'outpatient_reimbursed' THEN ARRAY['1218:advance', '1002', '4001', '5901']
        ELSE ARRAY[]::text[] END))
    OR (NEW.kind IN ('outpatient_refund', 'outpatient_advance') AND (
      NOT EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
        AND 'outpatient_claim:' || c.claim_id = NEW.source AND c.state IN ('confirmed', 'sent')
        AND c.remitted = (NEW.kind = 'outpatient_advance')
        AND c.amount_fen = (SELECT sum(l.debit_fen) FROM ledger_posting l
          WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no))
      OR 1 < (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.source = NEW.source AND e.kind = NEW.kind AND NOT EXISTS (SELECT 1 FROM ledger_entry r
          WHERE r.institution_id = e.institution_id AND r.reverses_no = e.entry_no))))
    OR (NEW.kind IN ('outpatient_correction', 'outpatient_deposit', 'outpatient_remittance', 'outpatient_reimbursed')
      AND (1 < (SELECT count(*) FROM ledger_entry e
          WHERE e.institution_id = NEW.institution_id AND e.source = NEW.source AND e.kind = NEW.kind)
        OR (SELECT sum(l.debit_fen) FROM ledger_posting l WHERE l.institution_id = NEW.institution_id
            AND l.entry_no = NEW.entry_no AND (NEW.kind <> 'outpatient_reimbursed' OR l.account_id = '1002'))
          IS DISTINCT FROM (CASE NEW.kind
            WHEN 'outpatient_correction' THEN (SELECT abs(c.change_fen) FROM outpatient_correction c
              WHERE c.institution_id = NEW.institution_id
                AND 'outpatient_correction:' || c.correction_id = NEW.source)
            WHEN 'outpatient_deposit' THEN (SELECT t.amount_fen FROM outpatient_taken t
              WHERE t.institution_id = NEW.institution_id AND 'outpatient_taken:' || t.taken_id = NEW.source)
            WHEN 'outpatient_remittance' THEN (SELECT b.total_fen FROM outpatient_batch b
              WHERE b.institution_id = NEW.institution_id AND b.state = 'booked'
                AND 'outpatient_batch:' || b.batch_no = NEW.source)
            ELSE (SELECT l.total_fen FROM outpatient_advance_list l
              WHERE l.institution_id = NEW.institution_id AND l.state = 'submitted'
                AND 'outpatient_advance_list:' || l.list_no = NEW.source) END))) THEN
    RAISE EXCEPTION 'outpatient: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_entry_stands AFTER INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind LIKE 'outpatient%') EXECUTE FUNCTION outpatient_entry_stands();
CREATE INDEX ix_ledger_entry__outpatient ON ledger_entry (institution_id, source) WHERE kind LIKE 'outpatient%';

-- The census: counted by one, decided by another; its accounts may be taken back until then.
CREATE FUNCTION outpatient_import_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'counted' AND num_nonnulls(NEW.decided_by, NEW.decided_at, NEW.booked_at) = 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_import' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('counted', 'confirmed'), ('counted', 'dropped'), ('confirmed', 'booked'))) IS NOT TRUE
    OR (to_jsonb(NEW) - ARRAY['state', 'decided_by', 'decided_at', 'booked_at'])
      <> (to_jsonb(OLD) - ARRAY['state', 'decided_by', 'decided_at', 'booked_at'])
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
CREATE TRIGGER outpatient_import_walk BEFORE INSERT OR UPDATE ON outpatient_import
  FOR EACH ROW EXECUTE FUNCTION outpatient_import_walk();

-- Accounts come in whole statements: a million rows don't each look up the same import.
CREATE FUNCTION outpatient_account_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT f.institution_id, f.import_no FROM fresh f
      WHERE f.import_no IS NOT NULL) q
    WHERE NOT EXISTS (SELECT 1 FROM outpatient_import i WHERE i.institution_id = q.institution_id
      AND i.import_no = q.import_no AND i.state = 'counted'))
    OR EXISTS (SELECT 1 FROM fresh f WHERE (f.state = 'open' AND f.unclearable_reason = '' AND f.filed_on IS NULL
      AND f.person_id = f.account_no AND (f.import_no IS NOT NULL OR f.opening_fen = 0)) IS NOT TRUE) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_account_joins AFTER INSERT ON outpatient_account
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_account_joins();
CREATE FUNCTION outpatient_account_leaves() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT g.institution_id, g.import_no FROM gone g) q
    WHERE NOT EXISTS (SELECT 1 FROM outpatient_import i WHERE i.institution_id = q.institution_id
      AND i.import_no = q.import_no AND i.state = 'counted')) THEN
    RAISE EXCEPTION 'append_only: outpatient_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_account_leaves AFTER DELETE ON outpatient_account
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION outpatient_account_leaves();

-- An account walks; what it began with stays. Each look at another table is a statement of its own, planned when it is
-- first needed: planned together, while those tables are still empty, they would be read whole for every account.
CREATE FUNCTION outpatient_account_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  stands boolean := true;
BEGIN
  IF (NEW.institution_id, NEW.account_no, NEW.import_no, NEW.kind, NEW.opening_fen, NEW.holder_name, NEW.certno_hash,
      NEW.channel, NEW.patient_no) IS DISTINCT FROM (OLD.institution_id, OLD.account_no, OLD.import_no, OLD.kind,
      OLD.opening_fen, OLD.holder_name, OLD.certno_hash, OLD.channel, OLD.patient_no)
    OR (NEW.last_movement_on IS DISTINCT FROM OLD.last_movement_on
      AND (NEW.last_movement_on IS NULL OR NEW.last_movement_on < OLD.last_movement_on)) THEN
    stands := false;
  ELSIF NEW.state = OLD.state THEN
    stands := OLD.state NOT IN ('filed', 'frozen', 'remitted', 'reclaimed')
      OR (NEW.unclearable_reason, NEW.filed_on, NEW.last_movement_on)
        IS NOT DISTINCT FROM (OLD.unclearable_reason, OLD.filed_on, OLD.last_movement_on);
  ELSIF ((OLD.state, NEW.state) IN (('open', 'unclearable'), ('open', 'refunded'), ('unclearable', 'open'),
      ('unclearable', 'filed'), ('unclearable', 'refunded'), ('filed', 'open'), ('filed', 'frozen'),
      ('filed', 'refunded'), ('frozen', 'filed'), ('frozen', 'remitted'), ('refunded', 'open'),
      ('remitted', 'reclaimed'), ('reclaimed', 'remitted'))) IS NOT TRUE THEN
    stands := false;
  ELSIF NEW.state IN ('refunded', 'remitted') THEN
    stands := EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
      AND a.account_id IN ('23050102:' || NEW.account_no, '230502:' || NEW.account_no) AND a.balance_fen = 0);
  ELSIF NEW.state = 'reclaimed' THEN
    stands := EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
      AND c.account_no = NEW.account_no AND c.remitted AND c.state = 'arrived');
  ELSIF NEW.state = 'frozen' THEN
    stands := EXISTS (SELECT 1 FROM outpatient_batch b
      WHERE b.institution_id = NEW.institution_id AND b.state = 'proposed' AND EXISTS (
        SELECT 1 FROM outpatient_batch_line l WHERE l.institution_id = b.institution_id AND l.batch_no = b.batch_no
          AND l.account_no = NEW.account_no OFFSET 0));
  ELSIF NEW.state = 'filed' AND OLD.state = 'frozen' THEN
    stands := NOT EXISTS (SELECT 1 FROM outpatient_batch_line l JOIN outpatient_batch b
        USING (institution_id, batch_no)
      WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no
        AND b.state IN ('approved', 'booked', 'remitted'));
  ELSIF NEW.state = 'filed' THEN
    stands := EXISTS (SELECT 1 FROM outpatient_filing f
      WHERE f.institution_id = NEW.institution_id AND f.state = 'acknowledged' AND f.acknowledged_on = NEW.filed_on
        AND EXISTS (SELECT 1 FROM outpatient_filing_line l WHERE l.institution_id = f.institution_id
          AND l.filing_no = f.filing_no AND l.account_no = NEW.account_no OFFSET 0));
  END IF;
  IF stands IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_account_walk BEFORE UPDATE ON outpatient_account
  FOR EACH ROW EXECUTE FUNCTION outpatient_account_walk();

-- A miscount is corrected while nobody claims the account and it stands on no list.
CREATE FUNCTION outpatient_may_be_corrected(p_institution text, p_account text) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_account a LEFT JOIN outpatient_import i USING (institution_id, import_no)
    WHERE a.institution_id = p_institution AND a.account_no = p_account AND a.state IN ('open', 'refunded')
      AND (a.import_no IS NULL OR i.state = 'booked') AND NOT EXISTS (SELECT 1 FROM outpatient_claim c
        WHERE c.institution_id = a.institution_id AND c.account_no = a.account_no
          AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')))
$$;
CREATE FUNCTION outpatient_correction_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'asked' AND NEW.decided_by IS NULL
        AND outpatient_may_be_corrected(NEW.institution_id, NEW.account_no)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_correction' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'asked' AND NEW.state IN ('approved', 'rejected')) IS NOT TRUE
    OR (to_jsonb(NEW) - ARRAY['state', 'decided_by', 'decided_at'])
      <> (to_jsonb(OLD) - ARRAY['state', 'decided_by', 'decided_at'])
    OR (NEW.state = 'approved' AND NOT outpatient_may_be_corrected(NEW.institution_id, NEW.account_no)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_correction' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_correction_walk BEFORE INSERT OR UPDATE ON outpatient_correction
  FOR EACH ROW EXECUTE FUNCTION outpatient_correction_walk();

-- A claim begins at its account: on money the hospital holds, or on money that the treasury has.
CREATE FUNCTION outpatient_claim_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  free text[] := ARRAY['state', 'route', 'personal', 'card_hash', 'reviewed_by', 'reviewed_at', 'confirmed_by',
    'confirmed_at', 'paid_by', 'paid_at', 'ended_by', 'ended_at', 'ground'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'accepted'
        AND num_nonnulls(NEW.reviewed_by, NEW.confirmed_by, NEW.paid_by, NEW.ended_by) = 0
        AND EXISTS (SELECT 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id
          AND a.account_no = NEW.account_no AND (a.import_no IS NULL OR EXISTS (SELECT 1 FROM outpatient_import i
            WHERE i.institution_id = a.institution_id AND i.import_no = a.import_no AND i.state = 'booked')) AND (
            (NOT NEW.remitted AND (a.state IN ('open', 'unclearable', 'filed') OR (a.state = 'frozen' AND NOT EXISTS (
              SELECT 1 FROM outpatient_batch_line l JOIN outpatient_batch b USING (institution_id, batch_no)
              WHERE l.institution_id = a.institution_id AND l.account_no = a.account_no AND b.state = 'approved')))
            AND EXISTS (
              SELECT 1 FROM ledger_account l WHERE l.institution_id = a.institution_id AND l.account_id IN (
                '23050102:' || a.account_no, '230502:' || a.account_no) AND l.balance_fen = NEW.amount_fen))
            OR (NEW.remitted AND a.state IN ('frozen', 'remitted') AND EXISTS (
              SELECT 1 FROM outpatient_batch_line l JOIN outpatient_batch b USING (institution_id, batch_no)
              WHERE l.institution_id = a.institution_id AND l.account_no = a.account_no
                AND b.state IN ('approved', 'booked', 'remitted')))))) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('accepted', 'reviewed'), ('accepted', 'rejected'), ('accepted', 'withdrawn'),
        ('reviewed', 'confirmed'), ('reviewed', 'rejected'), ('reviewed', 'withdrawn'), ('confirmed', 'sent'),
        ('confirmed', 'arrived'), ('confirmed', 'withdrawn'), ('sent', 'arrived'), ('sent', 'failed'),
        ('failed', 'sent'), ('failed', 'reviewed'), ('failed', 'withdrawn'), ('arrived', 'failed'))) IS NOT TRUE
    OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
    OR ((OLD.state <> 'failed' OR NEW.state <> 'reviewed') AND (NEW.route, NEW.card_hash, NEW.personal)
      IS DISTINCT FROM (OLD.route, OLD.card_hash, OLD.personal))
    OR (OLD.reviewed_by IS NOT NULL AND NEW.state <> 'reviewed' AND NEW.reviewed_by IS DISTINCT FROM OLD.reviewed_by)
    OR (OLD.confirmed_by IS NOT NULL AND NEW.state <> 'reviewed'
      AND NEW.confirmed_by IS DISTINCT FROM OLD.confirmed_by)
    OR (OLD.state = 'failed' AND NEW.state = 'reviewed' AND NEW.confirmed_by IS NOT NULL)
    OR (NEW.state = 'sent' AND NOT EXISTS (SELECT 1 FROM outpatient_payout p
      WHERE p.institution_id = NEW.institution_id AND p.claim_id = NEW.claim_id AND p.state = 'sent'
        AND p.route = NEW.route AND p.amount_fen = NEW.amount_fen))
    OR (NEW.state = 'arrived' AND 1 <> (SELECT count(*) FROM ledger_entry e
      WHERE e.institution_id = NEW.institution_id AND e.source = 'outpatient_claim:' || NEW.claim_id
        AND e.kind = CASE WHEN NEW.remitted THEN 'outpatient_advance' ELSE 'outpatient_refund' END
        AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = e.institution_id
          AND r.reverses_no = e.entry_no)))
    OR (OLD.state = 'arrived' AND EXISTS (SELECT 1 FROM ledger_entry e
      WHERE e.institution_id = NEW.institution_id AND e.source = 'outpatient_claim:' || NEW.claim_id
        AND e.kind IN ('outpatient_advance', 'outpatient_refund')
        AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = e.institution_id
          AND r.reverses_no = e.entry_no))) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_walk BEFORE INSERT OR UPDATE ON outpatient_claim
  FOR EACH ROW EXECUTE FUNCTION outpatient_claim_walk();

CREATE FUNCTION outpatient_payout_walk() RETURNS trigger LANGUAGE plpgsql
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
  IF ((OLD.state, NEW.state) IN (('sent', 'arrived'), ('sent', 'failed'), ('arrived', 'returned'))) IS NOT TRUE
    OR (NEW.institution_id, NEW.claim_id, NEW.attempt_no, NEW.route, NEW.file_no, NEW.amount_fen, NEW.sent_by,
        NEW.sent_at) IS DISTINCT FROM (OLD.institution_id, OLD.claim_id, OLD.attempt_no, OLD.route, OLD.file_no,
        OLD.amount_fen, OLD.sent_by, OLD.sent_at)
    OR (OLD.entry_no IS NOT NULL AND NEW.entry_no IS DISTINCT FROM OLD.entry_no) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_payout_walk BEFORE INSERT OR UPDATE ON outpatient_payout
  FOR EACH ROW EXECUTE FUNCTION outpatient_payout_walk();

CREATE FUNCTION outpatient_filing_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  free text[] := ARRAY['state', 'authority', 'submitted_on', 'submitted_by', 'acknowledgement_no', 'acknowledged_on',
    'recorded_by', 'recorded_at'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'made' AND num_nonnulls(NEW.submitted_on, NEW.acknowledged_on, NEW.recorded_by) = 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_filing' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('made', 'submitted'), ('made', 'withdrawn'), ('submitted', 'acknowledged'),
        ('submitted', 'withdrawn'))) IS NOT TRUE
    OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
    OR (OLD.submitted_on IS NOT NULL AND (NEW.submitted_on, NEW.submitted_by, NEW.authority)
      IS DISTINCT FROM (OLD.submitted_on, OLD.submitted_by, OLD.authority)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_filing' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_filing_walk BEFORE INSERT OR UPDATE ON outpatient_filing
  FOR EACH ROW EXECUTE FUNCTION outpatient_filing_walk();
CREATE FUNCTION outpatient_filing_line_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT f.institution_id, f.filing_no FROM fresh f) q
    WHERE NOT EXISTS (SELECT 1 FROM outpatient_filing i WHERE i.institution_id = q.institution_id
      AND i.filing_no = q.filing_no AND i.state = 'made')) THEN
    RAISE EXCEPTION 'append_only: outpatient_filing_line' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_filing_line_joins AFTER INSERT ON outpatient_filing_line
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_filing_line_joins();

-- A batch: frozen with the sum of its lines, approved after three reviews by three others, none of its accounts
-- being claimed; booked when its accounts are empty; remitted when nothing of it is due any more.
CREATE FUNCTION outpatient_batch_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'proposed' AND extract(month FROM NEW.on_day) = 12 AND extract(day FROM NEW.on_day) = 31
        AND num_nonnulls(NEW.frozen_by, NEW.approved_by, NEW.remitted_by) = 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_batch' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('proposed', 'proposed'), ('proposed', 'frozen'), ('proposed', 'dropped'),
        ('frozen', 'approved'), ('frozen', 'dropped'), ('approved', 'booked'), ('booked', 'remitted'))) IS NOT TRUE
    OR (NEW.institution_id, NEW.batch_no, NEW.on_day, NEW.proposed_by, NEW.proposed_at)
      IS DISTINCT FROM (OLD.institution_id, OLD.batch_no, OLD.on_day, OLD.proposed_by, OLD.proposed_at)
    OR (OLD.state <> 'proposed' AND (NEW.accounts, NEW.total_fen, NEW.sha256, NEW.frozen_by)
      IS DISTINCT FROM (OLD.accounts, OLD.total_fen, OLD.sha256, OLD.frozen_by))
    OR (OLD.approved_by IS NOT NULL AND NEW.approved_by IS DISTINCT FROM OLD.approved_by)
    OR (NEW.state = 'frozen' AND NOT EXISTS (SELECT 1 FROM outpatient_batch_line l
      WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no
      HAVING count(*) = NEW.accounts AND coalesce(sum(l.balance_fen), 0) = NEW.total_fen))
    OR (NEW.state = 'approved' AND (3 <> (SELECT count(*) FROM outpatient_batch_review r
        WHERE r.institution_id = NEW.institution_id AND r.batch_no = NEW.batch_no
          AND r.reviewed_by NOT IN (NEW.approved_by, NEW.frozen_by))
      OR EXISTS (SELECT 1 FROM outpatient_batch_line l JOIN outpatient_account a USING (institution_id, account_no)
        WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no AND a.state <> 'frozen')
      OR EXISTS (SELECT 1 FROM outpatient_batch_line l JOIN outpatient_claim c USING (institution_id, account_no)
        WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no
          AND c.state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed'))))
    OR (NEW.state = 'booked' AND NEW.total_fen <> (SELECT coalesce(sum(p.credit_fen), 0) FROM ledger_entry e
      JOIN ledger_posting p USING (institution_id, entry_no)
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_escheat'
        AND e.source = 'outpatient_batch:' || NEW.batch_no AND p.account_id = '2103'))
    OR (NEW.state = 'remitted' AND NEW.total_fen IS DISTINCT FROM (SELECT sum(p.debit_fen) FROM ledger_entry e
      JOIN ledger_posting p USING (institution_id, entry_no)
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_remittance'
        AND e.source = 'outpatient_batch:' || NEW.batch_no AND p.account_id = '2103')) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_batch' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_batch_walk BEFORE INSERT OR UPDATE ON outpatient_batch
  FOR EACH ROW EXECUTE FUNCTION outpatient_batch_walk();
CREATE FUNCTION outpatient_batch_line_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT f.institution_id, f.batch_no FROM fresh f) q
    WHERE NOT EXISTS (SELECT 1 FROM outpatient_batch b WHERE b.institution_id = q.institution_id
      AND b.batch_no = q.batch_no AND b.state = 'proposed')) THEN
    RAISE EXCEPTION 'append_only: outpatient_batch_line' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_batch_line_joins AFTER INSERT ON outpatient_batch_line
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_batch_line_joins();
CREATE FUNCTION outpatient_batch_line_leaves() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT g.institution_id, g.batch_no FROM gone g) q
    WHERE NOT EXISTS (SELECT 1 FROM outpatient_batch b WHERE b.institution_id = q.institution_id
      AND b.batch_no = q.batch_no AND b.state = 'proposed')) THEN
    RAISE EXCEPTION 'append_only: outpatient_batch_line' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_batch_line_leaves AFTER DELETE ON outpatient_batch_line
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION outpatient_batch_line_leaves();
CREATE FUNCTION outpatient_batch_review_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM outpatient_batch b WHERE b.institution_id = NEW.institution_id
      AND b.batch_no = NEW.batch_no AND b.state = 'frozen'
      AND lower(btrim(b.frozen_by)) <> lower(btrim(NEW.reviewed_by)))
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.reviewed_by) THEN
    RAISE EXCEPTION 'second_person: outpatient_batch_review' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_batch_review_joins BEFORE INSERT ON outpatient_batch_review
  FOR EACH ROW EXECUTE FUNCTION outpatient_batch_review_joins();

-- What is applied for: of an account never more than was remitted of it, and in all never more than in all. Two lists
-- at once wait for each other.
CREATE FUNCTION outpatient_advance_line_joins() RETURNS trigger LANGUAGE plpgsql
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
  ELSIF (to_jsonb(NEW) - 'counts') <> (to_jsonb(OLD) - 'counts') OR NEW.counts OR NOT EXISTS (
      SELECT 1 FROM outpatient_advance_list l WHERE l.institution_id = NEW.institution_id
        AND l.list_no = NEW.list_no AND l.state = 'refused') THEN
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
CREATE TRIGGER outpatient_advance_line_joins BEFORE INSERT OR UPDATE ON outpatient_advance_line
  FOR EACH ROW EXECUTE FUNCTION outpatient_advance_line_joins();
CREATE FUNCTION outpatient_advance_list_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  free text[] := ARRAY['state', 'document', 'submitted_on', 'submitted_by', 'bank_reference', 'reimbursed_on',
    'reimbursed_by', 'ground'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'made' AND num_nonnulls(NEW.submitted_by, NEW.reimbursed_by) = 0) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_advance_list' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('made', 'submitted'), ('made', 'refused'), ('submitted', 'refused'),
        ('submitted', 'reimbursed'))) IS NOT TRUE
    OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
    OR (NEW.state = 'submitted' AND NOT EXISTS (SELECT 1 FROM outpatient_advance_line a
      WHERE a.institution_id = NEW.institution_id AND a.list_no = NEW.list_no
      HAVING count(*) = NEW.claims AND coalesce(sum(a.applied_fen), 0) = NEW.total_fen))
    OR (NEW.state = 'reimbursed' AND NEW.total_fen IS DISTINCT FROM (
      SELECT sum(p.credit_fen) FROM ledger_entry e JOIN ledger_posting p USING (institution_id, entry_no)
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'outpatient_reimbursed'
        AND e.source = 'outpatient_advance_list:' || NEW.list_no AND p.account_id LIKE '1218:advance:%')) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_advance_list' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_advance_list_walk BEFORE INSERT OR UPDATE ON outpatient_advance_list
  FOR EACH ROW EXECUTE FUNCTION outpatient_advance_list_walk();

-- Whoever decides is somebody of the institution and nobody of an earlier step in other letters (second_person, 0005).
CREATE TRIGGER outpatient_import_by_another BEFORE UPDATE OF decided_by ON outpatient_import
  FOR EACH ROW WHEN (NEW.state = 'confirmed') EXECUTE FUNCTION second_person('decided_by', 'imported_by');
CREATE TRIGGER outpatient_correction_by_another BEFORE UPDATE OF decided_by ON outpatient_correction
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'asked_by');
CREATE TRIGGER outpatient_claim_reviewed_by_another BEFORE UPDATE OF reviewed_by ON outpatient_claim
  FOR EACH ROW EXECUTE FUNCTION second_person('reviewed_by', 'accepted_by');
CREATE TRIGGER outpatient_claim_confirmed_by_another BEFORE UPDATE OF confirmed_by ON outpatient_claim
  FOR EACH ROW EXECUTE FUNCTION second_person('confirmed_by', 'reviewed_by');
CREATE TRIGGER outpatient_claim_confirmed_by_a_third BEFORE UPDATE OF confirmed_by ON outpatient_claim
  FOR EACH ROW EXECUTE FUNCTION second_person('confirmed_by', 'accepted_by');
CREATE TRIGGER outpatient_claim_paid_by_another BEFORE UPDATE OF paid_by ON outpatient_claim
  FOR EACH ROW EXECUTE FUNCTION second_person('paid_by', 'confirmed_by');
CREATE TRIGGER outpatient_filing_by_another BEFORE UPDATE OF recorded_by ON outpatient_filing
  FOR EACH ROW EXECUTE FUNCTION second_person('recorded_by', 'made_by');
CREATE TRIGGER outpatient_batch_approved_by_another BEFORE UPDATE OF approved_by ON outpatient_batch
  FOR EACH ROW EXECUTE FUNCTION second_person('approved_by', 'frozen_by');
CREATE TRIGGER outpatient_batch_remitted_by_another BEFORE UPDATE OF remitted_by ON outpatient_batch
  FOR EACH ROW EXECUTE FUNCTION second_person('remitted_by', 'approved_by');
CREATE TRIGGER outpatient_advance_list_by_another BEFORE UPDATE OF submitted_by ON outpatient_advance_list
  FOR EACH ROW EXECUTE FUNCTION second_person('submitted_by', 'made_by')
