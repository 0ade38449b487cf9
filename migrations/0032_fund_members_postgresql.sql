-- What isn't seen: controls, what Unicode ignores by default, and the empty Braille cell; between brackets of a pattern.
CREATE FUNCTION fund_not_seen() RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT '\u0001-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f'
    || '\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
    || '\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010fffd'
$$;

-- It makes no second region.
CREATE FUNCTION fund_grant_region_shown() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.pool_region ~ ('[' || fund_not_seen() || ']') THEN
    RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_grant_region_shown BEFORE INSERT ON fund_grant
  FOR EACH ROW EXECUTE FUNCTION fund_grant_region_shown();

-- A slip's number is kept as it is compared: letters A to Z and digits.
CREATE FUNCTION fund_bank_evidence_plain() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.reference COLLATE "C" !~ '^[A-Z0-9]+$' THEN
    RAISE EXCEPTION 'append_only: fund_bank_evidence' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_bank_evidence_plain BEFORE INSERT ON fund_bank_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_bank_evidence_plain();

-- A member has a code of letters A to Z and digits, and a name, an account and a document with something to be seen.
CREATE FUNCTION fund_member_named() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.member_code COLLATE "C" !~ '^[A-Z0-9]+$' OR EXISTS (
      SELECT 1 FROM unnest(ARRAY[NEW.member_name, NEW.account_no, NEW.document]) AS word
      WHERE word !~ ('[^[:space:]\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000' || fund_not_seen() || ']')) THEN
    RAISE EXCEPTION 'wrong_step: fund_member' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_member_named BEFORE INSERT ON fund_member FOR EACH ROW EXECUTE FUNCTION fund_member_named();

-- A member neither gives back nor uses more than it was handed in the books, both together.
CREATE OR REPLACE FUNCTION fund_distribution_return_sum() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id
      AND d.amount_fen >= NEW.amount_fen + d.returned_fen + d.used_fen) THEN
    RAISE EXCEPTION 'wrong_step: fund_distribution_return' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION fund_distribution_use_sum() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id
      AND d.amount_fen >= NEW.amount_fen + d.returned_fen + d.used_fen) THEN
    RAISE EXCEPTION 'wrong_step: fund_distribution_use' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- A use that was typed wrongly is withdrawn by another person, as long as the member's part stands on the grant still
-- and it hasn't paid back for it.
CREATE FUNCTION fund_use_withdrawn_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM fund_grant g JOIN fund_distribution d USING (institution_id, grant_id)
    WHERE d.institution_id = NEW.institution_id AND d.distribution_id = NEW.distribution_id FOR UPDATE OF g;
  IF length(btrim(NEW.ground)) = 0 OR NOT EXISTS (
      SELECT 1 FROM fund_distribution_use u JOIN fund_distribution_sums d USING (institution_id, distribution_id)
      WHERE u.institution_id = NEW.institution_id AND u.distribution_id = NEW.distribution_id AND u.use_no = NEW.use_no
        AND d.used_fen - u.amount_fen >= d.repaid_fen
        AND (SELECT coalesce(sum(o.amount_fen - o.returned_fen - o.used_fen), 0) FROM fund_distribution_sums o
            WHERE o.institution_id = d.institution_id AND o.grant_id = d.grant_id) + u.amount_fen
          <= (SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = d.institution_id
            AND a.account_id = '1218:distributed:' || d.grant_id)) THEN
    RAISE EXCEPTION 'wrong_step: fund_use_withdrawn' USING ERRCODE = 'HP006';
  END IF;
  IF NOT EXISTS (
      SELECT 1 FROM fund_distribution_use u JOIN staff_user s
        ON s.institution_id = u.institution_id AND s.user_id = NEW.withdrawn_by
      WHERE u.institution_id = NEW.institution_id AND u.distribution_id = NEW.distribution_id AND u.use_no = NEW.use_no
        AND lower(btrim(u.recorded_by)) <> lower(btrim(NEW.withdrawn_by))) THEN
    RAISE EXCEPTION 'second_person: fund_use_withdrawn' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_use_withdrawn_joins BEFORE INSERT ON fund_use_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_use_withdrawn_joins();

-- A member pays back no more than it used, and all members of a grant no more than the claim on them.
CREATE FUNCTION fund_claim_payment_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM fund_grant g JOIN fund_distribution d USING (institution_id, grant_id)
    WHERE d.institution_id = NEW.institution_id AND d.distribution_id = NEW.distribution_id FOR UPDATE OF g;
  IF NOT EXISTS (
      SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = NEW.institution_id
        AND d.distribution_id = NEW.distribution_id AND d.used_fen >= NEW.amount_fen + d.repaid_fen
        AND (SELECT sum(o.repaid_fen) FROM fund_distribution_sums o WHERE o.institution_id = d.institution_id
            AND o.grant_id = d.grant_id) + NEW.amount_fen
          <= (SELECT coalesce(sum(l.debit_fen - l.credit_fen), 0) FROM ledger_posting l
            WHERE l.institution_id = d.institution_id AND l.account_id = '1218' AND l.fund = d.grant_id)) THEN
    RAISE EXCEPTION 'wrong_step: fund_claim_payment' USING ERRCODE = 'HP006';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.recorded_by) THEN
    RAISE EXCEPTION 'maker: fund_claim_payment' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_claim_payment_joins BEFORE INSERT ON fund_claim_payment
  FOR EACH ROW EXECUTE FUNCTION fund_claim_payment_joins();
