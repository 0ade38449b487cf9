-- What an entry with a line of a grant must hold besides 0007, 0010 and 0017: a payment takes only what was reserved, a
-- payment is reversed only as one that bounced and under its own name, while books and requests of a grant disagree
-- nothing but what sets that right is booked on it, and of several entries in one call each grant has one, for the
-- balances that are looked at are those after the call.
ALTER FUNCTION fund_lines_stand(text, bigint, text, text, bigint, text) RENAME TO fund_lines_touch;

CREATE FUNCTION fund_lines_stand(
  p_institution text, p_entry bigint, p_kind text, p_source text, p_reverses bigint, p_fund text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT fund_lines_touch(p_institution, p_entry, p_kind, p_source, p_reverses, p_fund)
    AND NOT (p_kind = 'fund_payment' AND EXISTS (
      SELECT 1 FROM ledger_posting l WHERE l.institution_id = p_institution AND l.entry_no = p_entry
        AND l.account_id = '1002:earmark:' || p_fund))
    AND NOT EXISTS (
      SELECT 1 FROM ledger_entry o WHERE o.institution_id = p_institution AND o.entry_no = p_reverses
        AND o.kind = 'fund_payment' AND (p_kind <> 'fund_payment_bounced' OR p_source <> o.source))
    AND NOT EXISTS (
      SELECT 1 FROM fund_not_walked n WHERE n.institution_id = p_institution AND n.grant_id = p_fund
        AND n.source <> p_source)
    AND NOT EXISTS (
      SELECT 1 FROM ledger_posting l WHERE l.institution_id = p_institution AND l.entry_no > p_entry
        AND l.account_id IN ('1002:earmark:' || p_fund, '1002:reserved:' || p_fund, '23050101:' || p_fund,
          '1218:distributed:' || p_fund))
$$;

-- A request walks on only when its grant's books say the same: what is reserved is what reserved requests come to, a
-- paid one has its payment, and one that isn't paid, or no longer, has none.
CREATE FUNCTION fund_request_agrees() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF coalesce((SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = NEW.institution_id
        AND a.account_id = '1002:reserved:' || NEW.grant_id), 0)
      <> (CASE NEW.state WHEN 'reserved' THEN NEW.total_fen ELSE 0 END)
        + (SELECT coalesce(sum(r.total_fen), 0) FROM fund_request r WHERE r.institution_id = NEW.institution_id
          AND r.grant_id = NEW.grant_id AND r.state = 'reserved' AND r.request_id <> NEW.request_id)
    OR (NEW.state IN ('paid', 'evidenced')) <> EXISTS (
      SELECT 1 FROM ledger_entry p WHERE p.institution_id = NEW.institution_id AND p.kind = 'fund_payment'
        AND p.source = 'fund_request:' || NEW.request_id AND NOT EXISTS (SELECT 1 FROM ledger_entry b
          WHERE b.institution_id = p.institution_id AND b.reverses_no = p.entry_no))
    OR EXISTS (SELECT 1 FROM fund_not_walked n WHERE n.institution_id = NEW.institution_id
      AND n.grant_id = NEW.grant_id AND n.source <> 'fund_request:' || NEW.request_id) THEN
    RAISE EXCEPTION 'not_booked: fund_request' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_request_agrees BEFORE UPDATE OF state ON fund_request FOR EACH ROW
  WHEN (NEW.state IN ('reserved', 'paid', 'evidenced', 'released')) EXECUTE FUNCTION fund_request_agrees();

-- Only where the notice names a lead hospital is a prepayment handed on, and not to the house itself.
CREATE FUNCTION fund_distribution_lent() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
        AND g.regime IN ('LEAD_HOSPITAL'))
    OR upper(btrim(NEW.member_code)) = NEW.institution_id THEN
    RAISE EXCEPTION 'no_lead_hospital: fund_distribution' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_distribution_lent BEFORE INSERT ON fund_distribution
  FOR EACH ROW EXECUTE FUNCTION fund_distribution_lent();

-- Whoever checks a month is somebody of the house, and not who closed it in other letters or with blanks.
CREATE FUNCTION fund_period_step_second_person() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
      SELECT 1 FROM fund_period_step s WHERE s.institution_id = NEW.institution_id AND s.period = NEW.period
        AND s.step_no = NEW.step_no - 1 AND lower(btrim(s.taken_by)) = lower(btrim(NEW.taken_by)))
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.taken_by) THEN
    RAISE EXCEPTION 'second_person: fund_period_step' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_period_step_second_person BEFORE INSERT ON fund_period_step FOR EACH ROW
  WHEN (NEW.step = 'checked') EXECUTE FUNCTION fund_period_step_second_person();

-- The same for the document of an emergency: recorded by one, used by another.
CREATE FUNCTION fund_application_another() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
      SELECT 1 FROM fund_emergency e WHERE e.institution_id = NEW.institution_id AND e.emergency_id = NEW.emergency_id
        AND lower(btrim(e.recorded_by)) = lower(btrim(NEW.applied_by)))
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.applied_by) THEN
    RAISE EXCEPTION 'second_person: fund_application' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_application_another BEFORE INSERT ON fund_application FOR EACH ROW
  WHEN (NEW.emergency_id IS NOT NULL) EXECUTE FUNCTION fund_application_another();

-- What a notice withholds stays withheld while its ground of recall stands.
CREATE FUNCTION fund_grant_while_recalled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.kind = 'basic' AND NEW.regime IN ('WITHHOLDING') AND EXISTS (
      SELECT 1 FROM fund_recall r WHERE r.institution_id = NEW.institution_id AND r.regime = NEW.regime
        AND r.state = 'standing') THEN
    RAISE EXCEPTION 'recall_stands: fund_grant' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_grant_while_recalled BEFORE UPDATE OF state ON fund_grant FOR EACH ROW
  WHEN (OLD.state = 'withheld' AND NEW.state = 'approved') EXECUTE FUNCTION fund_grant_while_recalled();

-- A run of totals is written behind them, and only with all of them: what its lines come to, to the fen. Nothing joins
-- it later.
CREATE FUNCTION fund_total_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fund_total_run r
      WHERE r.institution_id = NEW.institution_id AND r.through_no >= NEW.through_no) THEN
    RAISE EXCEPTION 'append_only: fund_total' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_total_joins BEFORE INSERT ON fund_total FOR EACH ROW EXECUTE FUNCTION fund_total_joins();

CREATE FUNCTION fund_total_run_complete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
      WITH lines AS (
        SELECT l.account_id, l.kind, l.month, l.category, sum(l.debit_fen) AS debit, sum(l.credit_fen) AS credit,
          count(*) AS line_count
        FROM fund_line l WHERE l.institution_id = NEW.institution_id
          AND l.entry_no > NEW.after_no AND l.entry_no <= NEW.through_no
        GROUP BY 1, 2, 3, 4),
      kept AS (
        SELECT t.account_id, t.kind, t.month, t.category, t.debit_fen AS debit, t.credit_fen AS credit, t.line_count
        FROM fund_total t WHERE t.institution_id = NEW.institution_id AND t.through_no = NEW.through_no)
      (TABLE lines EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE lines)) THEN
    RAISE EXCEPTION 'incomplete: fund_total_run' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_total_run_complete BEFORE INSERT ON fund_total_run
  FOR EACH ROW EXECUTE FUNCTION fund_total_run_complete();
