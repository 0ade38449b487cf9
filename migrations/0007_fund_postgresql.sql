-- The restricted fund on PostgreSQL. A fen of it leaves only when what is owed back falls with it, or against a
-- request that walked past three people and holds no line that isn't medical. Nothing here asks who posts.

-- The subject 23050101 itself takes no line: prepayment stands on the accounts of its grant or nowhere.
-- An account of a grant carries the grant's id; every line on it must, too, and the entry balances within the grant.
CREATE OR REPLACE FUNCTION ledger_account_opens() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.balance_fen = 0 AND coalesce(NEW.ceiling_fen, 0) = 0 AND NEW.normal_side IN (1, -1)
      AND split_part(NEW.account_id, ':', 1) = NEW.subject
      AND (NEW.guarded OR NEW.ceiling_fen IS NULL)
      AND (NEW.subject <> '23050103'
        OR (NEW.guarded AND NEW.normal_side = -1 AND NEW.ceiling_fen IS NOT NULL))
      AND (NEW.fund <> '') = (NEW.account_id LIKE '1002:earmark:%' OR NEW.account_id LIKE '1002:reserved:%'
        OR NEW.account_id LIKE '23050101:%')
      AND (NEW.fund = '' OR (NEW.guarded AND NEW.ceiling_fen IS NULL
        AND NEW.account_id IN ('1002:earmark:' || NEW.fund, '1002:reserved:' || NEW.fund, '23050101:' || NEW.fund)
        AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
          AND g.grant_id = NEW.fund AND g.state = 'approved')))) IS NOT TRUE THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER ledger_account_identity ON ledger_account;
CREATE TRIGGER ledger_account_identity
  BEFORE UPDATE OF institution_id, account_id, subject, name, normal_side, guarded, opened_at, fund ON ledger_account
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION ledger_posting_complete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM (
      SELECT f.institution_id, f.entry_no, count(*) AS lines, min(f.line_no) AS first_line,
        bool_and(f.debit_fen >= 0 AND f.credit_fen >= 0 AND (f.debit_fen = 0) <> (f.credit_fen = 0) AND EXISTS (
          SELECT 1 FROM ledger_account a
          WHERE a.institution_id = f.institution_id AND a.account_id = f.account_id
            AND ((a.fund = '' AND a.account_id <> '23050101') OR a.fund = f.fund))) AS sound
      FROM fresh f GROUP BY f.institution_id, f.entry_no) q
    WHERE (q.sound AND q.first_line = 1 AND q.lines = (
      SELECT CASE WHEN e.entry_no = q.entry_no THEN e.line_count END FROM ledger_entry e
      WHERE e.institution_id = q.institution_id AND e.entry_no >= q.entry_no
      ORDER BY e.institution_id, e.entry_no LIMIT 1)) IS NOT TRUE) THEN
    RAISE EXCEPTION 'append_only: ledger_posting' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;

-- Whether the lines of one entry that carry one grant may stand. Money of the earmark that goes out must be matched by
-- what is owed falling, or by an approved request, once; money that comes in, by what is owed rising. Afterwards no
-- more is unspent than is owed. A red-letter entry mirrors one that was checked; what then lies over may be let go.
CREATE FUNCTION fund_lines_stand(
  p_institution text, p_entry bigint, p_kind text, p_source text, p_reverses bigint, p_fund text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (q.outflow <= greatest(q.fall, 0) OR b.unspent >= b.owed OR (
      p_kind = 'fund_payment' AND p_reverses IS NULL AND q.fall = 0 AND q.paid = q.outflow AND EXISTS (
        SELECT 1 FROM fund_request r WHERE r.institution_id = p_institution
          AND 'fund_request:' || r.request_id = p_source AND r.grant_id = p_fund AND r.total_fen = q.outflow
          AND r.state = 'reserved')))
    AND (-q.outflow <= greatest(-q.fall, 0) OR p_reverses IS NOT NULL)
    AND (b.unspent <= b.owed OR p_reverses IS NOT NULL)
  FROM (
    SELECT coalesce(sum(l.credit_fen - l.debit_fen) FILTER (WHERE a.fund <> '' AND a.subject = '1002'), 0) AS outflow,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.fund <> '' AND a.subject = '23050101'), 0) AS fall,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.subject = '2302'), 0) AS paid
    FROM ledger_posting l JOIN ledger_account a USING (institution_id, account_id)
    WHERE l.institution_id = p_institution AND l.entry_no = p_entry AND l.fund = p_fund) q,
    (SELECT coalesce(sum(a.balance_fen) FILTER (WHERE a.subject = '1002'), 0) AS unspent,
      coalesce(sum(a.balance_fen) FILTER (WHERE a.subject = '23050101'), 0) AS owed
    FROM ledger_account a WHERE a.institution_id = p_institution AND a.account_id IN (
      '1002:earmark:' || p_fund, '1002:reserved:' || p_fund, '23050101:' || p_fund)) b
$$;

CREATE OR REPLACE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM fresh f WHERE (f.line_count >= 2 AND length(f.content_hash) = 32 AND (
      SELECT count(*) = f.line_count AND sum(p.debit_fen - p.credit_fen) = 0 AND min(p.fund) = '' AND max(p.fund) = ''
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
    IF EXISTS (
      SELECT 1 FROM fresh f
      JOIN LATERAL (SELECT DISTINCT l.fund FROM ledger_posting l WHERE l.institution_id = f.institution_id
        AND l.entry_no = f.entry_no AND l.fund <> '') g ON true
      WHERE fund_lines_stand(f.institution_id, f.entry_no, f.kind, f.source, f.reverses_no, g.fund) IS NOT TRUE) THEN
      RAISE EXCEPTION 'restricted: ledger_entry' USING ERRCODE = 'HP008';
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- A grant walks from application to zero.
CREATE FUNCTION fund_grant_walk() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state IS DISTINCT FROM 'applied' OR NEW.recorded_by IS NOT NULL THEN
      RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('applied', 'approved'), ('applied', 'declined'), ('approved', 'withheld'),
        ('withheld', 'approved'), ('approved', 'received'), ('received', 'cleared'))) IS NOT TRUE
    OR (NEW.institution_id, NEW.grant_id, NEW.regime, NEW.pool_region, NEW.fund, NEW.year, NEW.kind, NEW.applied_fen,
        NEW.decision_id, NEW.applied_by, NEW.applied_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.grant_id, OLD.regime, OLD.pool_region, OLD.fund, OLD.year, OLD.kind, OLD.applied_fen,
        OLD.decision_id, OLD.applied_by, OLD.applied_at)
    OR (OLD.state <> 'applied' AND (NEW.approved_fen, NEW.approved_on, NEW.recorded_by)
        IS DISTINCT FROM (OLD.approved_fen, OLD.approved_on, OLD.recorded_by))
    OR (NEW.state = 'cleared' AND EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
        AND a.fund = NEW.grant_id AND a.balance_fen <> 0)) THEN
    RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_grant_walk BEFORE INSERT OR UPDATE ON fund_grant FOR EACH ROW EXECUTE FUNCTION fund_grant_walk();

-- A request walks past three people; from the first of them on its lines are complete and none of them is refused.
CREATE FUNCTION fund_request_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state IN ('asked', 'refused') AND NEW.department_by IS NULL AND NEW.finance_by IS NULL
        AND NEW.paid_by IS NULL AND NEW.grounded_by IS NULL) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: fund_request' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('asked', 'department'), ('asked', 'rejected'), ('department', 'reserved'),
        ('department', 'rejected'), ('reserved', 'paid'), ('reserved', 'released'), ('paid', 'evidenced'),
        ('paid', 'released'))) IS NOT TRUE
    OR (NEW.institution_id, NEW.request_id, NEW.grant_id, NEW.payee_name, NEW.payee_credit_code, NEW.purpose,
        NEW.total_fen, NEW.decision_id, NEW.held, NEW.asked_by, NEW.asked_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.request_id, OLD.grant_id, OLD.payee_name, OLD.payee_credit_code, OLD.purpose,
        OLD.total_fen, OLD.decision_id, OLD.held, OLD.asked_by, OLD.asked_at)
    OR (OLD.department_by IS NOT NULL AND (NEW.department_by, NEW.ground, NEW.grounded_by)
        IS DISTINCT FROM (OLD.department_by, OLD.ground, OLD.grounded_by))
    OR (OLD.finance_by IS NOT NULL AND NEW.finance_by IS DISTINCT FROM OLD.finance_by)
    OR (OLD.paid_by IS NOT NULL AND (NEW.paid_by, NEW.bank_reference)
        IS DISTINCT FROM (OLD.paid_by, OLD.bank_reference))
    OR (NEW.state NOT IN ('rejected', 'released') AND (
        SELECT sum(l.amount_fen) = NEW.total_fen AND bool_and(l.outcome <> 'refused')
          AND bool_or(l.outcome = 'held') = NEW.held
        FROM fund_request_line l WHERE l.institution_id = NEW.institution_id AND l.request_id = NEW.request_id)
        IS NOT TRUE)
    OR (NEW.state = 'paid' AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.kind = 'fund_payment' AND e.source = 'fund_request:' || NEW.request_id)) THEN
    RAISE EXCEPTION 'wrong_step: fund_request' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_request_walk BEFORE INSERT OR UPDATE ON fund_request
  FOR EACH ROW EXECUTE FUNCTION fund_request_walk();

CREATE FUNCTION fund_request_line_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM fund_request r WHERE r.institution_id = NEW.institution_id
      AND r.request_id = NEW.request_id AND r.state IN ('asked', 'refused') AND r.department_by IS NULL) THEN
    RAISE EXCEPTION 'append_only: fund_request_line' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_request_line_joins BEFORE INSERT ON fund_request_line
  FOR EACH ROW EXECUTE FUNCTION fund_request_line_joins();

CREATE FUNCTION fund_evidence_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM fund_request r WHERE r.institution_id = NEW.institution_id
      AND r.request_id = NEW.request_id AND r.state IN ('paid', 'evidenced')) THEN
    RAISE EXCEPTION 'append_only: fund_evidence' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_evidence_joins BEFORE INSERT ON fund_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_evidence_joins();
