-- A register of a million accounts on PostgreSQL. Before its statistics are taken, the planner holds a fresh table to
-- be empty and reads all of it again for every part that is booked: what follows leaves it no such choice.

-- The balances that ledger_post_many worked out, each found by its key.
CREATE FUNCTION ledger_move(p_institution text, p_accounts text[], p_balances bigint[]) RETURNS void LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp
  SET enable_seqscan = off SET enable_nestloop = off AS $$
  UPDATE ledger_account a SET balance_fen = b.balance FROM unnest(p_accounts, p_balances) AS b(account, balance)
    WHERE a.institution_id = p_institution AND a.account_id = ANY (p_accounts) AND a.account_id = b.account
$$;
REVOKE ALL ON FUNCTION ledger_move(text, text[], bigint[]) FROM PUBLIC;

-- Many postings in one call, one statement each for locks, balances and rows. One refused posting doesn't fail the
-- rest: the answer holds a number for each entry, or NULL where a guard refused it. p_counts says how many lines each
-- entry has; the lines of all entries stand one after another.
CREATE OR REPLACE FUNCTION ledger_post_many(
  p_institution text, p_keys text[], p_kind text, p_summary text, p_sources text[],
  p_occurred timestamptz, p_posted timestamptz, p_effective date, p_by text, p_hashes bytea[],
  p_counts smallint[], p_accounts text[], p_debits bigint[], p_credits bigint[], p_funds text[]
) RETURNS bigint[] LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  n int := cardinality(p_keys);
  m int := cardinality(p_accounts);
  entry_of int[];
  line_of smallint[];
  numbers bigint[];
  refused boolean[];
  ids text[];
  sides smallint[];
  balances bigint[];
  ceilings bigint[];
  guards int[];
  at_line int[];
  change bigint;
  g int;
  entry int := 0;
BEGIN
  IF (n >= 1 AND cardinality(p_sources) = n AND cardinality(p_hashes) = n AND cardinality(p_counts) = n
      AND cardinality(p_debits) = m AND cardinality(p_credits) = m AND cardinality(p_funds) = m
      AND array_ndims(p_counts) = 1 AND array_lower(p_counts, 1) = 1
      AND array_ndims(p_debits) = 1 AND array_lower(p_debits, 1) = 1
      AND array_ndims(p_credits) = 1 AND array_lower(p_credits, 1) = 1
      AND (SELECT min(c) >= 2 AND sum(c) = m AND count(c) = n FROM unnest(p_counts) c)
      AND (SELECT bool_and(coalesce(u.debit >= 0 AND u.credit >= 0 AND (u.debit = 0) <> (u.credit = 0)
             AND u.account IS NOT NULL AND u.fund IS NOT NULL, false))
           FROM unnest(p_accounts, p_debits, p_credits, p_funds) u(account, debit, credit, fund))) IS NOT TRUE THEN
    RAISE EXCEPTION 'malformed: ledger_post_many' USING ERRCODE = 'HP003';
  END IF;
  PERFORM pg_current_xact_id();
  SELECT array_agg(c.k ORDER BY c.k, l), array_agg(l ORDER BY c.k, l) INTO entry_of, line_of
    FROM unnest(p_counts) WITH ORDINALITY AS c(lines, k) CROSS JOIN LATERAL generate_series(1, c.lines) l;
  -- The locks, in the order of single postings.
  SELECT array_agg(a.account_id), array_agg(a.normal_side), array_agg(a.balance_fen), array_agg(a.ceiling_fen)
    INTO ids, sides, balances, ceilings
    FROM (SELECT * FROM ledger_account a
          WHERE a.institution_id = p_institution AND a.account_id = ANY (p_accounts) AND a.guarded
          ORDER BY a.account_id COLLATE "C" FOR NO KEY UPDATE) a;
  refused := array_fill(false, ARRAY[n]);
  IF ids IS NOT NULL THEN
    -- Line by line over guarded accounts only, in memory: an entry that breaks a guard gives back what it moved.
    SELECT array_agg(x.line ORDER BY x.line), array_agg(x.g ORDER BY x.line) INTO at_line, guards
      FROM (SELECT l.line, i.g FROM unnest(p_accounts) WITH ORDINALITY AS l(account, line)
            JOIN unnest(ids) WITH ORDINALITY AS i(account, g) ON i.account = l.account) x;
    FOR j IN 1..cardinality(at_line) LOOP
      entry := entry_of[at_line[j]];
      CONTINUE WHEN refused[entry];
      g := guards[j];
      change := sides[g] * (p_debits[at_line[j]] - p_credits[at_line[j]]);
      balances[g] := balances[g] + change;
      IF balances[g] < 0 OR (change > 0 AND balances[g] > ceilings[g]) THEN
        refused[entry] := true;
        FOR k IN REVERSE j..1 LOOP
          EXIT WHEN entry_of[at_line[k]] <> entry;
          balances[guards[k]] := balances[guards[k]]
            - sides[guards[k]] * (p_debits[at_line[k]] - p_credits[at_line[k]]);
        END LOOP;
      END IF;
    END LOOP;
    PERFORM ledger_move(p_institution, ids, balances);
  END IF;
  SELECT array_agg(CASE WHEN NOT u.refused THEN nextval('ledger_entry_no') END ORDER BY u.k) INTO numbers
    FROM unnest(refused) WITH ORDINALITY AS u(refused, k);
  WITH header AS (
    INSERT INTO ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, reverses_no,
        line_count, occurred_at, posted_at, effective_on, posted_by, content_hash)
      SELECT p_institution, u.no, p_kind, p_summary, u.source, u.key, NULL,
        u.lines, p_occurred, p_posted, p_effective, p_by, u.hash
      FROM unnest(numbers, p_keys, p_sources, p_hashes, p_counts) AS u(no, key, source, hash, lines)
      WHERE u.no IS NOT NULL)
  INSERT INTO ledger_posting (institution_id, entry_no, line_no, account_id, debit_fen, credit_fen, fund)
    SELECT p_institution, numbers[u.entry], u.line, u.account, u.debit, u.credit, u.fund
    FROM unnest(entry_of, line_of, p_accounts, p_debits, p_credits, p_funds)
      AS u(entry, line, account, debit, credit, fund)
    WHERE NOT refused[u.entry];
  RETURN numbers;
END $$;

-- Accounts of outpatients as in 0023; which account it belongs to is looked up by its key, never from a list of all.
CREATE OR REPLACE FUNCTION outpatient_accounts_open() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f
    WHERE (f.subject IN ('23050102', '230502') OR f.account_id LIKE '1218:advance:%')
      AND (f.guarded AND f.ceiling_fen IS NULL AND f.fund = ''
        AND f.normal_side = CASE f.subject WHEN '1218' THEN 1 ELSE -1 END
        AND (f.subject = '1218' OR (SELECT (o.kind = 'outpatient_deposit') = (f.subject = '23050102')
          FROM outpatient_account o WHERE o.institution_id = f.institution_id
            AND o.account_no = substr(f.account_id, length(f.subject) + 2)))) IS NOT TRUE) THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;

-- An account as it is opened, as in 0010. What concerns grants alone looks into tables and is asked of grants' accounts
-- alone: the rest is worked out without a plan, for a million rows.
CREATE OR REPLACE FUNCTION ledger_account_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.balance_fen = 0 AND coalesce(NEW.ceiling_fen, 0) = 0 AND NEW.normal_side IN (1, -1)
      AND split_part(NEW.account_id, ':', 1) = NEW.subject
      AND (NEW.guarded OR NEW.ceiling_fen IS NULL)
      AND (NEW.subject <> '23050103'
        OR (NEW.guarded AND NEW.normal_side = -1 AND NEW.ceiling_fen IS NOT NULL))
      AND (NEW.fund <> '') = (NEW.account_id LIKE '1002:earmark:%' OR NEW.account_id LIKE '1002:reserved:%'
        OR NEW.account_id LIKE '23050101:%' OR NEW.account_id LIKE '1218:distributed:%')) IS NOT TRUE THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION ledger_account_of_grant_opens() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.guarded AND NEW.ceiling_fen IS NULL
      AND NEW.account_id IN ('1002:earmark:' || NEW.fund, '1002:reserved:' || NEW.fund, '23050101:' || NEW.fund,
        '1218:distributed:' || NEW.fund)
      AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
        AND g.grant_id = NEW.fund AND (g.state = 'approved'
          OR (g.state = 'received' AND NEW.account_id = '1218:distributed:' || NEW.fund)))) IS NOT TRUE THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_of_grant_opens BEFORE INSERT ON ledger_account FOR EACH ROW
  WHEN (NEW.fund IS DISTINCT FROM '') EXECUTE FUNCTION ledger_account_of_grant_opens();

-- What stands on the other side of an entry of outpatients, as in 0023; the ORDER BY leaves the planner no index but the
-- primary key of its lines.
CREATE OR REPLACE FUNCTION outpatient_entry_stands() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  allowed text[] := CASE NEW.kind
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
    ELSE ARRAY[]::text[] END;
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT p.account_id FROM ledger_posting p WHERE p.institution_id = NEW.institution_id
        AND p.entry_no = NEW.entry_no ORDER BY p.line_no OFFSET 0) l
      WHERE CASE WHEN l.account_id LIKE '1218:advance:%' THEN '1218:advance' ELSE split_part(l.account_id, ':', 1) END
        <> ALL (allowed))
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

-- Lines as in 0023; the census or the batch that an entry names is looked up once for it, not for each of its lines.
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
          f.credit_fen = (SELECT o.opening_fen FROM outpatient_account o WHERE o.institution_id = f.institution_id
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
