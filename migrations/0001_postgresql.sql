-- What PostgreSQL itself refuses, and the one way into the books.
-- The application's role may call ledger_post and ledger_post_many; it may not insert, change, delete or truncate
-- any row of the books. The triggers hold for the owner as well.

CREATE SEQUENCE ledger_entry_no;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append_only: %', TG_TABLE_NAME USING ERRCODE = 'HP001';
END $$;

-- Postings come first and the header last: the header's trigger sums them once, and nothing joins afterwards.
CREATE FUNCTION ledger_posting_fresh() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f JOIN ledger_entry e USING (institution_id, entry_no)) THEN
    RAISE EXCEPTION 'append_only: ledger_posting' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM fresh f CROSS JOIN LATERAL (
      SELECT count(*) AS lines, bool_and(s.balanced) AS balanced FROM (
        SELECT sum(p.debit_fen) = sum(p.credit_fen) AS balanced, count(*) AS n FROM ledger_posting p
        WHERE p.institution_id = f.institution_id AND p.entry_no = f.entry_no GROUP BY p.fund) s
    ) q WHERE q.balanced IS DISTINCT FROM true)
  OR EXISTS (
    SELECT 1 FROM fresh f WHERE f.line_count IS DISTINCT FROM (
      SELECT count(*) FROM ledger_posting p
      WHERE p.institution_id = f.institution_id AND p.entry_no = f.entry_no)) THEN
    RAISE EXCEPTION 'unbalanced: ledger_entry' USING ERRCODE = 'HP002';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER ledger_posting_fresh AFTER INSERT ON ledger_posting
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger_posting_fresh();
CREATE TRIGGER ledger_entry_balances AFTER INSERT ON ledger_entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_balances();

CREATE FUNCTION ledger_account_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.balance_fen IS DISTINCT FROM 0 OR coalesce(NEW.ceiling_fen, 0) <> 0 THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_opens BEFORE INSERT ON ledger_account
  FOR EACH ROW EXECUTE FUNCTION ledger_account_opens();

-- One posting: lock and move the guarded balances in the order given (ascending account ids, so that two postings
-- never wait for each other in a circle), take the number after the locks, write lines, then the header.
CREATE FUNCTION ledger_post(
  p_institution text, p_key text, p_kind text, p_summary text, p_source text, p_reverses bigint,
  p_occurred timestamptz, p_posted timestamptz, p_effective date, p_by text, p_hash bytea,
  p_accounts text[], p_debits bigint[], p_credits bigint[], p_funds text[]
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_catalog, pg_temp AS $$
DECLARE
  n int := cardinality(p_accounts);
  no bigint;
  change bigint;
  balance bigint;
  ceiling bigint;
BEGIN
  PERFORM pg_current_xact_id();  -- the sealer waits for transactions that may hold a number
  FOR i IN 1..n LOOP
    IF i > 1 AND p_accounts[i] COLLATE "C" < p_accounts[i - 1] COLLATE "C" THEN
      RAISE EXCEPTION 'unsorted: ledger_post' USING ERRCODE = 'HP003';
    END IF;
    UPDATE ledger_account a SET balance_fen = a.balance_fen + a.normal_side * (p_debits[i] - p_credits[i])
      WHERE a.institution_id = p_institution AND a.account_id = p_accounts[i] AND a.guarded
      RETURNING a.balance_fen, a.ceiling_fen, a.normal_side * (p_debits[i] - p_credits[i])
      INTO balance, ceiling, change;
    IF FOUND AND change > 0 AND balance > ceiling THEN
      RAISE EXCEPTION 'above_ceiling: %', p_accounts[i] USING ERRCODE = 'HP004';
    END IF;
  END LOOP;
  no := nextval('ledger_entry_no');
  INSERT INTO ledger_posting (institution_id, entry_no, line_no, account_id, debit_fen, credit_fen, fund)
    SELECT p_institution, no, u.line, u.account, u.debit, u.credit, u.fund
    FROM unnest(p_accounts, p_debits, p_credits, p_funds) WITH ORDINALITY AS u(account, debit, credit, fund, line);
  INSERT INTO ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, reverses_no,
      line_count, occurred_at, posted_at, effective_on, posted_by, content_hash)
    VALUES (p_institution, no, p_kind, p_summary, p_source, p_key, p_reverses,
      n, p_occurred, p_posted, p_effective, p_by, p_hash);
  RETURN no;
END $$;

-- Many postings in one call. One refused posting doesn't fail the rest: the answer holds a number for each entry,
-- or NULL where a guard refused it. The common case, where no guard is touched, is set-based.
-- p_entries names the entry (1..n, ascending) of each line; lines of an entry stand in account order.
CREATE FUNCTION ledger_post_many(
  p_institution text, p_keys text[], p_kind text, p_summary text, p_sources text[],
  p_occurred timestamptz, p_posted timestamptz, p_effective date, p_by text, p_hashes bytea[],
  p_entries int[], p_lines smallint[], p_accounts text[], p_debits bigint[], p_credits bigint[], p_funds text[]
) RETURNS bigint[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_catalog, pg_temp AS $$
DECLARE
  n int := cardinality(p_keys);
  numbers bigint[] := array_fill(NULL::bigint, ARRAY[n]);
  no bigint;
  refused boolean;
BEGIN
  PERFORM pg_current_xact_id();
  PERFORM 1 FROM ledger_account a
    WHERE a.institution_id = p_institution AND a.account_id = ANY (p_accounts) AND a.guarded
    ORDER BY a.account_id COLLATE "C" FOR NO KEY UPDATE;
  SELECT coalesce(bool_or(r.running < 0 OR (r.change > 0 AND r.running > r.ceiling_fen)), false) INTO refused
    FROM (
      SELECT a.normal_side * (b.debit - b.credit) AS change, a.ceiling_fen,
        a.balance_fen + sum(a.normal_side * (b.debit - b.credit))
          OVER (PARTITION BY a.account_id ORDER BY b.entry, b.line) AS running
      FROM unnest(p_entries, p_lines, p_accounts, p_debits, p_credits) AS b(entry, line, account, debit, credit)
      JOIN ledger_account a ON a.institution_id = p_institution AND a.account_id = b.account AND a.guarded) r;
  IF refused THEN
    FOR i IN 1..n LOOP
      BEGIN
        SELECT ledger_post(p_institution, p_keys[i], p_kind, p_summary, p_sources[i], NULL,
            p_occurred, p_posted, p_effective, p_by, p_hashes[i],
            array_agg(b.account ORDER BY b.line), array_agg(b.debit ORDER BY b.line),
            array_agg(b.credit ORDER BY b.line), array_agg(b.fund ORDER BY b.line)) INTO no
          FROM unnest(p_entries, p_lines, p_accounts, p_debits, p_credits, p_funds)
            AS b(entry, line, account, debit, credit, fund) WHERE b.entry = i;
        numbers[i] := no;
      EXCEPTION WHEN check_violation OR SQLSTATE 'HP004' THEN
        numbers[i] := NULL;
      END;
    END LOOP;
    RETURN numbers;
  END IF;
  UPDATE ledger_account a SET balance_fen = a.balance_fen + a.normal_side * s.change
    FROM (SELECT b.account, sum(b.debit - b.credit) AS change
          FROM unnest(p_accounts, p_debits, p_credits) AS b(account, debit, credit) GROUP BY b.account) s
    WHERE a.institution_id = p_institution AND a.account_id = s.account AND a.guarded;
  SELECT array_agg(x.no ORDER BY x.k) INTO numbers
    FROM (SELECT k, nextval('ledger_entry_no') AS no FROM generate_series(1, n) k) x;
  INSERT INTO ledger_posting (institution_id, entry_no, line_no, account_id, debit_fen, credit_fen, fund)
    SELECT p_institution, numbers[b.entry], b.line, b.account, b.debit, b.credit, b.fund
    FROM unnest(p_entries, p_lines, p_accounts, p_debits, p_credits, p_funds)
      AS b(entry, line, account, debit, credit, fund);
  INSERT INTO ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, reverses_no,
      line_count, occurred_at, posted_at, effective_on, posted_by, content_hash)
    SELECT p_institution, numbers[u.k], p_kind, p_summary, u.source, u.key, NULL,
      c.lines, p_occurred, p_posted, p_effective, p_by, u.hash
    FROM unnest(p_keys, p_sources, p_hashes) WITH ORDINALITY AS u(key, source, hash, k)
    JOIN (SELECT e.entry, count(*) AS lines FROM unnest(p_entries) AS e(entry) GROUP BY e.entry) c ON c.entry = u.k;
  RETURN numbers;
END $$;

-- The ceiling of a stay's deposits is the cap of its newest stay_cap row.
CREATE FUNCTION stay_cap_ceiling() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_catalog, pg_temp AS $$
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
  SET search_path = public, pg_catalog, pg_temp AS $$
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

CREATE FUNCTION cap_row_draft() RETURNS trigger LANGUAGE plpgsql AS $$
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
