-- What isn't seen makes no second region: controls, what Unicode ignores by default, and the empty Braille cell.
CREATE FUNCTION fund_grant_region_shown() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.pool_region ~ ('[\u0001-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f'
      || '\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
      || '\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010fffd]') THEN
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
