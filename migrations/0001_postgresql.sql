-- What PostgreSQL itself refuses, and the one way into the books.
-- The application's role may call ledger_post and ledger_post_many; it may not insert, change, delete or truncate
-- any row of the books. The triggers hold for the owner as well. Every function names its search path with pg_temp
-- last, so that nobody's temporary table stands in for one of ours.

CREATE SEQUENCE ledger_entry_no;

-- Balances are updated in place: room on each page keeps the indexes out of it.
ALTER TABLE ledger_account SET (fillfactor = 50);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append_only: %', TG_TABLE_NAME USING ERRCODE = 'HP001';
END $$;

-- An entry comes in one statement: header and lines together. Triggers of both tables look when that statement ends.
-- The lines must then have their header, all of them at once (line 1 can't come twice), one side each, on accounts
-- that were opened. This stands for two foreign keys and two CHECKs, which would be asked row by row at several times
-- the cost; accounts and headers can neither go nor be renamed.
-- The ORDER BYs below look idle: they leave the planner no index but the primary key, also before the first ANALYZE.
CREATE FUNCTION ledger_posting_complete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM (
      SELECT f.institution_id, f.entry_no, count(*) AS lines, min(f.line_no) AS first_line,
        bool_and(f.debit_fen >= 0 AND f.credit_fen >= 0 AND (f.debit_fen = 0) <> (f.credit_fen = 0) AND EXISTS (
          SELECT 1 FROM ledger_account a
          WHERE a.institution_id = f.institution_id AND a.account_id = f.account_id)) AS sound
      FROM fresh f GROUP BY f.institution_id, f.entry_no) q
    WHERE (q.sound AND q.first_line = 1 AND q.lines = (
      SELECT CASE WHEN e.entry_no = q.entry_no THEN e.line_count END FROM ledger_entry e
      WHERE e.institution_id = q.institution_id AND e.entry_no >= q.entry_no
      ORDER BY e.institution_id, e.entry_no LIMIT 1)) IS NOT TRUE) THEN
    RAISE EXCEPTION 'append_only: ledger_posting' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;

-- The header must then find its lines, balanced within each fund. Nearly every entry lies in one fund, and a small
-- question is asked first: a plan is set up anew each time, and its unused parts cost too.
CREATE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM fresh f WHERE (f.line_count >= 2 AND length(f.content_hash) = 32 AND (
      SELECT count(*) = f.line_count AND sum(p.debit_fen - p.credit_fen) = 0 AND min(p.fund) = max(p.fund)
      FROM (SELECT l.debit_fen, l.credit_fen, l.fund FROM ledger_posting l
        WHERE l.institution_id = f.institution_id AND l.entry_no = f.entry_no
        ORDER BY l.line_no OFFSET 0) p)) IS NOT TRUE) THEN
    IF EXISTS (
      SELECT 1 FROM fresh f WHERE (f.line_count >= 2 AND length(f.content_hash) = 32 AND (
        SELECT sum(q.lines) = f.line_count AND bool_and(q.balanced)
        FROM (SELECT count(*) AS lines, sum(p.debit_fen - p.credit_fen) = 0 AS balanced
          FROM (SELECT l.debit_fen, l.credit_fen, l.fund FROM ledger_posting l
            WHERE l.institution_id = f.institution_id AND l.entry_no = f.entry_no
            ORDER BY l.line_no OFFSET 0) p GROUP BY p.fund) q)) IS NOT TRUE) THEN
      RAISE EXCEPTION 'unbalanced: ledger_entry' USING ERRCODE = 'HP002';
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- A red-letter entry mirrors what it reverses.
CREATE FUNCTION ledger_entry_mirrors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.line_count IS DISTINCT FROM (SELECT o.line_count FROM ledger_entry o
      WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no)
    OR EXISTS (
      SELECT p.account_id, p.fund, p.debit_fen, p.credit_fen, count(*) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no GROUP BY 1, 2, 3, 4
      EXCEPT
      SELECT o.account_id, o.fund, o.credit_fen, o.debit_fen, count(*) FROM ledger_posting o
      WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no GROUP BY 1, 2, 3, 4) THEN
    RAISE EXCEPTION 'no_mirror: ledger_entry' USING ERRCODE = 'HP002';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER ledger_posting_complete AFTER INSERT ON ledger_posting
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger_posting_complete();
CREATE TRIGGER ledger_entry_balances AFTER INSERT ON ledger_entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_balances();

CREATE TRIGGER ledger_entry_mirrors AFTER INSERT ON ledger_entry
  FOR EACH ROW WHEN (NEW.reverses_no IS NOT NULL) EXECUTE FUNCTION ledger_entry_mirrors();

-- What never changes about an account is checked when it is opened, not at each move of its balance.
CREATE FUNCTION ledger_account_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.balance_fen = 0 AND coalesce(NEW.ceiling_fen, 0) = 0 AND NEW.normal_side IN (1, -1)
      AND split_part(NEW.account_id, ':', 1) = NEW.subject
      AND (NEW.guarded OR NEW.ceiling_fen IS NULL)
      AND (NEW.subject <> '23050103'
        OR (NEW.guarded AND NEW.normal_side = -1 AND NEW.ceiling_fen IS NOT NULL))) IS NOT TRUE THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_opens BEFORE INSERT ON ledger_account
  FOR EACH ROW EXECUTE FUNCTION ledger_account_opens();
CREATE TRIGGER ledger_account_identity
  BEFORE UPDATE OF institution_id, account_id, subject, name, normal_side, guarded, opened_at ON ledger_account
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A block follows the last one, counts what is there, and covers no number that is still to come.
CREATE FUNCTION ledger_block_follows() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  last ledger_block;
BEGIN
  SELECT * INTO last FROM ledger_block b WHERE b.institution_id = NEW.institution_id ORDER BY b.block_no DESC LIMIT 1;
  IF (NEW.block_no = coalesce(last.block_no, 0) + 1
      AND NEW.first_no = coalesce(last.last_no, 0) + 1
      AND NEW.previous_hash = coalesce(last.block_hash, decode(repeat('00', 32), 'hex'))
      AND NEW.last_no <= (SELECT s.last_value FROM ledger_entry_no s)
      AND NEW.entry_count = (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.entry_no BETWEEN NEW.first_no AND NEW.last_no)) IS NOT TRUE THEN
    RAISE EXCEPTION 'append_only: ledger_block' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_block_follows BEFORE INSERT ON ledger_block
  FOR EACH ROW EXECUTE FUNCTION ledger_block_follows();

-- Why a guarded account took no line: the key was used before, the original reversed before, or the balance.
CREATE FUNCTION ledger_refuse(
  p_institution text, p_key text, p_reverses bigint, p_account text, p_change bigint
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = p_institution AND e.idempotency_key = p_key) THEN
    RAISE EXCEPTION 'reused_key: ledger_entry' USING ERRCODE = 'HP007';
  END IF;
  IF EXISTS (SELECT 1 FROM ledger_entry e
      WHERE e.institution_id = p_institution AND e.reverses_no = p_reverses) THEN
    RAISE EXCEPTION 'already_reversed: ledger_entry' USING ERRCODE = 'HP007';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM ledger_account a
      WHERE a.institution_id = p_institution AND a.account_id = p_account) THEN
    RAISE EXCEPTION 'unknown_account: %', p_account USING ERRCODE = 'HP003';
  END IF;
  IF p_change < 0 THEN
    RAISE EXCEPTION 'below_zero: %', p_account USING ERRCODE = 'HP004';
  END IF;
  RAISE EXCEPTION 'above_ceiling: %', p_account USING ERRCODE = 'HP004';
END $$;

-- One posting: lock and move the guarded balances in the order given (ascending account ids, so that two postings
-- never wait for each other in a circle), take the number after the locks, then write header and lines at once.
CREATE FUNCTION ledger_post(
  p_institution text, p_key text, p_kind text, p_summary text, p_source text, p_reverses bigint,
  p_occurred timestamptz, p_posted timestamptz, p_effective date, p_by text, p_hash bytea,
  p_accounts text[], p_debits bigint[], p_credits bigint[], p_funds text[]
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  n int := cardinality(p_accounts);
  no bigint;
  change bigint;
BEGIN
  IF (n >= 2 AND cardinality(p_debits) = n AND cardinality(p_credits) = n AND cardinality(p_funds) = n) IS NOT TRUE THEN
    RAISE EXCEPTION 'malformed: ledger_post' USING ERRCODE = 'HP003';
  END IF;
  PERFORM pg_current_xact_id();  -- the sealer waits for transactions that may hold a number
  FOR i IN 1..n LOOP
    -- An element that is NULL, or that stands elsewhere than at 1..n, makes these NULL as well.
    change := p_debits[i] - p_credits[i];
    IF (p_debits[i] >= 0 AND p_credits[i] >= 0 AND (p_debits[i] = 0) <> (p_credits[i] = 0)
        AND p_funds[i] IS NOT NULL AND p_accounts[i] IS NOT NULL
        AND (i = 1 OR p_accounts[i] COLLATE "C" >= p_accounts[i - 1] COLLATE "C")) IS NOT TRUE THEN
      RAISE EXCEPTION 'malformed: ledger_post' USING ERRCODE = 'HP003';
    END IF;
    UPDATE ledger_account a SET balance_fen = a.balance_fen + a.normal_side * change
      WHERE a.institution_id = p_institution AND a.account_id = p_accounts[i] AND a.guarded
        AND a.balance_fen + a.normal_side * change >= 0
        AND (a.normal_side * change < 0 OR a.ceiling_fen IS NULL
          OR a.balance_fen + a.normal_side * change <= a.ceiling_fen);
    IF NOT FOUND THEN
      PERFORM 1 FROM ledger_account a
        WHERE a.institution_id = p_institution AND a.account_id = p_accounts[i] AND NOT a.guarded;
      IF NOT FOUND THEN
        PERFORM ledger_refuse(p_institution, p_key, p_reverses, p_accounts[i], (SELECT a.normal_side * change
          FROM ledger_account a WHERE a.institution_id = p_institution AND a.account_id = p_accounts[i]));
      END IF;
    END IF;
  END LOOP;
  no := nextval('ledger_entry_no');
  WITH header AS (
    INSERT INTO ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, reverses_no,
        line_count, occurred_at, posted_at, effective_on, posted_by, content_hash)
      VALUES (p_institution, no, p_kind, p_summary, p_source, p_key, p_reverses,
        n, p_occurred, p_posted, p_effective, p_by, p_hash))
  INSERT INTO ledger_posting (institution_id, entry_no, line_no, account_id, debit_fen, credit_fen, fund)
    SELECT p_institution, no, i, p_accounts[i], p_debits[i], p_credits[i], p_funds[i] FROM generate_series(1, n) i;
  RETURN no;
END $$;

-- Many postings in one call, one statement each for locks, balances and rows. One refused posting doesn't fail the
-- rest: the answer holds a number for each entry, or NULL where a guard refused it. p_counts says how many lines each
-- entry has; the lines of all entries stand one after another.
CREATE FUNCTION ledger_post_many(
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
    UPDATE ledger_account a SET balance_fen = b.balance FROM unnest(ids, balances) AS b(account, balance)
      WHERE a.institution_id = p_institution AND a.account_id = b.account;
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

-- The ceiling of a stay's deposits is the cap of its newest stay_cap row.
CREATE FUNCTION stay_cap_ceiling() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.version_no IS DISTINCT FROM (SELECT coalesce(max(c.version_no), 0) + 1 FROM stay_cap c
      WHERE c.institution_id = NEW.institution_id AND c.stay_no = NEW.stay_no) THEN
    RAISE EXCEPTION 'append_only: stay_cap' USING ERRCODE = 'HP001';
  END IF;
  UPDATE ledger_account SET ceiling_fen = coalesce(NEW.cap_fen, 0)
    WHERE institution_id = NEW.institution_id AND account_id = '23050103:' || NEW.stay_no;
  RETURN NEW;
END $$;
CREATE TRIGGER stay_cap_ceiling BEFORE INSERT ON stay_cap FOR EACH ROW EXECUTE FUNCTION stay_cap_ceiling();

-- Receipts count on without a gap, and each shows exactly what its entry posted to the stay.
CREATE FUNCTION receipt_counts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE receipt_book b SET last_serial = NEW.serial WHERE b.institution_id = NEW.institution_id
    AND b.book = NEW.book AND b.closed_at IS NULL AND b.last_serial = NEW.serial - 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'receipt_gap: receipt' USING ERRCODE = 'HP005';
  END IF;
  IF NEW.amount_fen IS DISTINCT FROM (
      SELECT abs(sum(p.credit_fen - p.debit_fen)) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
        AND p.account_id = '23050103:' || NEW.stay_no) THEN
    RAISE EXCEPTION 'receipt_mismatch: receipt' USING ERRCODE = 'HP005';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER receipt_counts BEFORE INSERT ON receipt FOR EACH ROW EXECUTE FUNCTION receipt_counts();

CREATE FUNCTION receipt_book_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.last_serial IS DISTINCT FROM 0 THEN
    RAISE EXCEPTION 'receipt_gap: receipt_book' USING ERRCODE = 'HP005';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER receipt_book_opens BEFORE INSERT ON receipt_book FOR EACH ROW EXECUTE FUNCTION receipt_book_opens();

-- A cap table walks draft -> approved -> published, or is rejected; what was measured never changes.
CREATE FUNCTION cap_table_walk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state IS DISTINCT FROM 'draft' THEN
      RAISE EXCEPTION 'wrong_step: cap_table' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state = 'draft' AND NEW.state IN ('approved', 'rejected'))
      OR (OLD.state = 'approved' AND NEW.state IN ('published', 'rejected'))) IS NOT TRUE
    OR (OLD.state = 'approved' AND (NEW.approved_by, NEW.approved_at) IS DISTINCT FROM (OLD.approved_by, OLD.approved_at))
    OR (NEW.institution_id, NEW.table_id, NEW.as_of, NEW.window_from, NEW.window_to, NEW.parameters, NEW.cases_read,
        NEW.cases_used, NEW.row_count, NEW.rule_version, NEW.digest, NEW.measured_by, NEW.measured_at)
      IS DISTINCT FROM
       (OLD.institution_id, OLD.table_id, OLD.as_of, OLD.window_from, OLD.window_to, OLD.parameters, OLD.cases_read,
        OLD.cases_used, OLD.row_count, OLD.rule_version, OLD.digest, OLD.measured_by, OLD.measured_at) THEN
    RAISE EXCEPTION 'wrong_step: cap_table' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cap_table_walk BEFORE INSERT OR UPDATE ON cap_table FOR EACH ROW EXECUTE FUNCTION cap_table_walk();

CREATE FUNCTION cap_row_draft() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN cap_table t USING (institution_id, table_id)
             WHERE t.state IS DISTINCT FROM 'draft') THEN
    RAISE EXCEPTION 'append_only: cap_row' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER cap_row_draft AFTER INSERT ON cap_row
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION cap_row_draft();

CREATE FUNCTION slip_request_walk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state IS DISTINCT FROM 'waiting' THEN
      RAISE EXCEPTION 'wrong_step: slip_request' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state <> 'waiting' OR NEW.state NOT IN ('approved', 'rejected')
    OR (NEW.institution_id, NEW.request_id, NEW.kind, NEW.source, NEW.stay_no, NEW.book, NEW.serial, NEW.amount_fen,
        NEW.tender, NEW.ground, NEW.requested_by, NEW.requested_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.request_id, OLD.kind, OLD.source, OLD.stay_no, OLD.book, OLD.serial, OLD.amount_fen,
        OLD.tender, OLD.ground, OLD.requested_by, OLD.requested_at) THEN
    RAISE EXCEPTION 'wrong_step: slip_request' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER slip_request_walk BEFORE INSERT OR UPDATE ON slip_request
  FOR EACH ROW EXECUTE FUNCTION slip_request_walk();

CREATE FUNCTION deposit_rules_walk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.approved_by IS NOT NULL
    OR (NEW.institution_id, NEW.version_no, NEW.text, NEW.effective_on, NEW.written_by, NEW.written_at)
      IS DISTINCT FROM
       (OLD.institution_id, OLD.version_no, OLD.text, OLD.effective_on, OLD.written_by, OLD.written_at) THEN
    RAISE EXCEPTION 'wrong_step: deposit_rules' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deposit_rules_walk BEFORE UPDATE ON deposit_rules FOR EACH ROW EXECUTE FUNCTION deposit_rules_walk();
