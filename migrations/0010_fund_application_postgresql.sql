-- Applications and what belongs to them on PostgreSQL.

-- A document of an emergency is recorded by one person and used by another, in its own place and year.
CREATE FUNCTION fund_application_second_person() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.emergency_id IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM fund_emergency e WHERE e.institution_id = NEW.institution_id
        AND e.emergency_id = NEW.emergency_id AND e.regime = NEW.regime AND e.year = NEW.year
        AND e.recorded_by <> NEW.applied_by) THEN
    RAISE EXCEPTION 'wrong_step: fund_application' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_application_second_person BEFORE INSERT ON fund_application
  FOR EACH ROW EXECUTE FUNCTION fund_application_second_person();

-- A procurement prepayment has its document before it is approved; no other grant has one.
CREATE FUNCTION fund_procurement_kind() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
        AND g.kind = 'procurement' AND g.state = 'applied') THEN
    RAISE EXCEPTION 'wrong_step: fund_procurement' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_procurement_kind BEFORE INSERT ON fund_procurement
  FOR EACH ROW EXECUTE FUNCTION fund_procurement_kind();

-- Of a procurement prepayment only centrally procured drugs and consumables with a platform order are paid.
CREATE FUNCTION fund_request_line_procurement() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.outcome = 'refused' OR (NEW.batch <> '' AND NEW.order_no <> '' AND NEW.category IN ('consumable', 'drug')))
      IS NOT TRUE AND EXISTS (
      SELECT 1 FROM fund_request r JOIN fund_grant g USING (institution_id, grant_id)
      WHERE r.institution_id = NEW.institution_id AND r.request_id = NEW.request_id AND g.kind = 'procurement') THEN
    RAISE EXCEPTION 'wrong_step: fund_request_line' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_request_line_procurement BEFORE INSERT ON fund_request_line
  FOR EACH ROW EXECUTE FUNCTION fund_request_line_procurement();

-- A lead hospital hands money on to its members: what they hold stands on 1218:distributed and is unspent still. It
-- grows only by a distribution that another person approved, once, by its own sum; the rest is as in 0007.
CREATE OR REPLACE FUNCTION ledger_account_opens() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.balance_fen = 0 AND coalesce(NEW.ceiling_fen, 0) = 0 AND NEW.normal_side IN (1, -1)
      AND split_part(NEW.account_id, ':', 1) = NEW.subject
      AND (NEW.guarded OR NEW.ceiling_fen IS NULL)
      AND (NEW.subject <> '23050103'
        OR (NEW.guarded AND NEW.normal_side = -1 AND NEW.ceiling_fen IS NOT NULL))
      AND (NEW.fund <> '') = (NEW.account_id LIKE '1002:earmark:%' OR NEW.account_id LIKE '1002:reserved:%'
        OR NEW.account_id LIKE '23050101:%' OR NEW.account_id LIKE '1218:distributed:%')
      AND (NEW.fund = '' OR (NEW.guarded AND NEW.ceiling_fen IS NULL
        AND NEW.account_id IN ('1002:earmark:' || NEW.fund, '1002:reserved:' || NEW.fund, '23050101:' || NEW.fund,
          '1218:distributed:' || NEW.fund)
        AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
          AND g.grant_id = NEW.fund AND (g.state = 'approved'
            OR (g.state = 'received' AND NEW.account_id = '1218:distributed:' || NEW.fund)))))) IS NOT TRUE THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION fund_lines_stand(
  p_institution text, p_entry bigint, p_kind text, p_source text, p_reverses bigint, p_fund text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (q.outflow <= greatest(q.fall, 0) OR b.unspent >= b.owed OR (
      p_kind = 'fund_payment' AND p_reverses IS NULL AND q.fall = 0 AND q.lent = 0 AND q.paid = q.outflow AND EXISTS (
        SELECT 1 FROM fund_request r WHERE r.institution_id = p_institution
          AND 'fund_request:' || r.request_id = p_source AND r.grant_id = p_fund AND r.total_fen = q.outflow
          AND r.state = 'reserved')))
    AND (q.lent <= 0 OR (p_kind = 'fund_distribution' AND EXISTS (
      SELECT 1 FROM fund_distribution d WHERE d.institution_id = p_institution
        AND 'fund_distribution:' || d.distribution_id = p_source AND d.grant_id = p_fund
        AND d.amount_fen = q.lent AND d.state = 'approved')))
    AND (-q.outflow <= greatest(-q.fall, 0) OR p_reverses IS NOT NULL)
    AND (b.unspent <= b.owed OR p_reverses IS NOT NULL)
  FROM (
    SELECT coalesce(sum(l.credit_fen - l.debit_fen)
        FILTER (WHERE a.fund <> '' AND a.subject IN ('1002', '1218')), 0) AS outflow,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.fund <> '' AND a.subject = '1218'), 0) AS lent,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.fund <> '' AND a.subject = '23050101'), 0) AS fall,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE a.subject = '2302'), 0) AS paid
    FROM ledger_posting l JOIN ledger_account a USING (institution_id, account_id)
    WHERE l.institution_id = p_institution AND l.entry_no = p_entry AND l.fund = p_fund) q,
    (SELECT coalesce(sum(a.balance_fen) FILTER (WHERE a.subject IN ('1002', '1218')), 0) AS unspent,
      coalesce(sum(a.balance_fen) FILTER (WHERE a.subject = '23050101'), 0) AS owed
    FROM ledger_account a WHERE a.institution_id = p_institution AND a.account_id IN (
      '1002:earmark:' || p_fund, '1002:reserved:' || p_fund, '1218:distributed:' || p_fund,
      '23050101:' || p_fund)) b
$$;

CREATE FUNCTION fund_distribution_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state IS DISTINCT FROM 'asked' OR NEW.decided_by IS NOT NULL THEN
      RAISE EXCEPTION 'wrong_step: fund_distribution' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state <> 'asked' OR NEW.state NOT IN ('approved', 'rejected')
    OR (NEW.institution_id, NEW.distribution_id, NEW.grant_id, NEW.member_code, NEW.member_name, NEW.amount_fen,
        NEW.document, NEW.asked_by, NEW.asked_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.distribution_id, OLD.grant_id, OLD.member_code, OLD.member_name, OLD.amount_fen,
        OLD.document, OLD.asked_by, OLD.asked_at)
    OR (NEW.state = 'approved' AND NOT EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
        AND g.state = 'received' AND g.kind = 'basic' AND g.approved_fen >= NEW.amount_fen
          + (SELECT coalesce(sum(d.amount_fen), 0) FROM fund_distribution d
            WHERE d.institution_id = g.institution_id AND d.grant_id = g.grant_id AND d.state = 'approved')
          - (SELECT coalesce(sum(r.amount_fen), 0)
            FROM fund_distribution_return r JOIN fund_distribution d USING (institution_id, distribution_id)
            WHERE d.institution_id = g.institution_id AND d.grant_id = g.grant_id))) THEN
    RAISE EXCEPTION 'wrong_step: fund_distribution' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_distribution_walk BEFORE INSERT OR UPDATE ON fund_distribution
  FOR EACH ROW EXECUTE FUNCTION fund_distribution_walk();
CREATE TRIGGER fund_distribution_is_kept BEFORE DELETE OR TRUNCATE ON fund_distribution
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION fund_distribution_return_sum() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM fund_distribution d WHERE d.institution_id = NEW.institution_id
        AND d.distribution_id = NEW.distribution_id AND d.state = 'approved' AND d.amount_fen >= NEW.amount_fen
          + (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r
            WHERE r.institution_id = d.institution_id AND r.distribution_id = d.distribution_id)) THEN
    RAISE EXCEPTION 'wrong_step: fund_distribution_return' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_distribution_return_sum BEFORE INSERT ON fund_distribution_return
  FOR EACH ROW EXECUTE FUNCTION fund_distribution_return_sum();

CREATE FUNCTION fund_distribution_use_sum() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM fund_distribution d WHERE d.institution_id = NEW.institution_id
        AND d.distribution_id = NEW.distribution_id AND d.state = 'approved' AND d.amount_fen >= NEW.amount_fen
          + (SELECT coalesce(sum(u.amount_fen), 0) FROM fund_distribution_use u
            WHERE u.institution_id = d.institution_id AND u.distribution_id = d.distribution_id)) THEN
    RAISE EXCEPTION 'wrong_step: fund_distribution_use' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_distribution_use_sum BEFORE INSERT ON fund_distribution_use
  FOR EACH ROW EXECUTE FUNCTION fund_distribution_use_sum();
