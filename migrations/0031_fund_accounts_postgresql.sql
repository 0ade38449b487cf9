-- A bank's statement names its account; rows from before stay as they are.
CREATE FUNCTION fund_statement_of_account() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.kind = 'bank') IS DISTINCT FROM (length(btrim(NEW.account)) > 0) THEN
    RAISE EXCEPTION 'account: fund_statement' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_statement_of_account BEFORE INSERT ON fund_statement
  FOR EACH ROW EXECUTE FUNCTION fund_statement_of_account();

-- Said in turns, counted from 1 without a hole, by people of the house.
CREATE FUNCTION fund_prepay_account_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.step_no = 1 + (SELECT count(*) FROM fund_prepay_account a WHERE a.institution_id = NEW.institution_id)
      AND length(btrim(NEW.account)) > 0 AND length(btrim(NEW.ground)) > 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: fund_prepay_account' USING ERRCODE = 'HP006';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.named_by) THEN
    RAISE EXCEPTION 'maker: fund_prepay_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_prepay_account_joins BEFORE INSERT ON fund_prepay_account
  FOR EACH ROW EXECUTE FUNCTION fund_prepay_account_joins();

CREATE FUNCTION fund_quiet_month_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.kind IN ('agency', 'bank') AND length(btrim(NEW.ground)) > 0
      AND NEW.step_no = 1 + (SELECT count(*) FROM fund_quiet_month q WHERE q.institution_id = NEW.institution_id
        AND q.period = NEW.period AND q.kind = NEW.kind)
      AND NEW.quiet = (NEW.step_no % 2 = 1)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: fund_quiet_month' USING ERRCODE = 'HP006';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.said_by) THEN
    RAISE EXCEPTION 'maker: fund_quiet_month' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_quiet_month_joins BEFORE INSERT ON fund_quiet_month
  FOR EACH ROW EXECUTE FUNCTION fund_quiet_month_joins();

-- A settlement's money has its slip where every other movement's is kept, so that one lock and one look hold both.
CREATE FUNCTION fund_settlement_has_its_slip() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = NEW.institution_id
      AND b.entry_no = NEW.entry_no AND b.kind = 'fund_settlement' AND b.as_typed = btrim(NEW.bank_reference)
      AND b.value_on = NEW.paid_on) THEN
    RAISE EXCEPTION 'slip: fund_settlement' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_settlement_has_its_slip BEFORE INSERT ON fund_settlement FOR EACH ROW
  WHEN (NEW.entry_no IS NOT NULL) EXECUTE FUNCTION fund_settlement_has_its_slip();

-- Settlements from before have no slip there: theirs is looked at beside it.
CREATE FUNCTION fund_bank_evidence_not_settled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('slip:' || NEW.institution_id || ':' || NEW.reference, 0));
  IF EXISTS (SELECT 1 FROM fund_settlement s WHERE s.institution_id = NEW.institution_id AND s.bank_reference <> ''
      AND upper(translate(s.bank_reference, ' -./_', '')) = NEW.reference) THEN
    RAISE EXCEPTION 'slip_used: fund_settlement' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_bank_evidence_not_settled BEFORE INSERT ON fund_bank_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_bank_evidence_not_settled();

-- The agency's notice of a negative plan stands once for a fund, however it is spelled.
CREATE FUNCTION fund_month_plan_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('plan:' || NEW.institution_id || ':' || NEW.document_key, 0));
  IF NEW.document_key = '' OR EXISTS (SELECT 1 FROM fund_month m WHERE m.institution_id = NEW.institution_id
      AND m.kind = 'negative_plan' AND m.document_key = NEW.document_key
      AND (m.fund = NEW.fund OR m.fund IN ('', 'all') OR NEW.fund IN ('', 'all'))) THEN
    RAISE EXCEPTION 'plan_used: fund_month' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_month_plan_once BEFORE INSERT ON fund_month FOR EACH ROW
  WHEN (NEW.kind = 'negative_plan') EXECUTE FUNCTION fund_month_plan_once();
