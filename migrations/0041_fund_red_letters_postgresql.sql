-- A red letter is never mirrored: what it took back comes in again as what it is, by its own way. And what belongs to
-- the fund is mirrored by an approved correction, or as a payment that bounced, and by nothing else.
CREATE FUNCTION ledger_red_letter() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  original ledger_entry;
BEGIN
  SELECT * INTO original FROM ledger_entry o
    WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no;
  IF original.reverses_no IS NOT NULL THEN
    RAISE EXCEPTION 'red_letter: ledger_entry' USING ERRCODE = 'HP002';
  END IF;
  IF original.kind <> 'fund_payment'
    AND (starts_with(original.kind, 'fund_') OR EXISTS (SELECT 1 FROM ledger_posting l
      JOIN fund_grant g ON g.institution_id = l.institution_id AND g.grant_id = l.fund
      WHERE l.institution_id = original.institution_id AND l.entry_no = original.entry_no))
    AND fund_is_correction(NEW.institution_id, NEW.kind, NEW.source, NEW.reverses_no) IS NOT TRUE THEN
    RAISE EXCEPTION 'restricted: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_red_letter BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.reverses_no IS NOT NULL) EXECUTE FUNCTION ledger_red_letter();

-- The claim on members stands in an account of its own: it comes about by a return in their place, falls by what they
-- paid, and either is taken back; nothing else is booked there. By the end of the transaction the entry is there.
CREATE FUNCTION fund_claim_is_named() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
      AND e.entry_no = NEW.entry_no
      AND e.kind IN ('fund_return', 'fund_return_undone', 'fund_claim_repaid', 'fund_claim_repaid_undone')) THEN
    RAISE EXCEPTION 'restricted: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fund_claim_is_named AFTER INSERT ON ledger_posting DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.account_id = '1218') EXECUTE FUNCTION fund_claim_is_named();

-- A grant is cleared at the moment of the entry by which the last of what was owed fell, and carries a moment of that
-- kind in no other state.
CREATE FUNCTION fund_grant_cleared_at() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.cleared_at IS DISTINCT FROM (CASE WHEN NEW.state = 'cleared' THEN (
      SELECT e.posted_at FROM ledger_posting l JOIN ledger_entry e USING (institution_id, entry_no)
      WHERE l.institution_id = NEW.institution_id AND l.account_id = '23050101:' || NEW.grant_id
      ORDER BY l.entry_no DESC LIMIT 1) END)
    OR (NEW.state = 'cleared' AND NEW.cleared_at IS NULL) THEN
    RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_grant_cleared_at BEFORE INSERT OR UPDATE ON fund_grant
  FOR EACH ROW EXECUTE FUNCTION fund_grant_cleared_at();

-- A ground ends by somebody of the house, and not before it was recorded; because everything was given back it ends in
-- the moment in which a grant of its place was cleared.
CREATE FUNCTION fund_recall_ends() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.ended_by) THEN
    RAISE EXCEPTION 'maker: fund_recall' USING ERRCODE = 'HP006';
  END IF;
  IF (NEW.ended_at >= NEW.recorded_at) IS NOT TRUE
    OR (NEW.state = 'returned' AND NOT EXISTS (SELECT 1 FROM fund_grant g
      WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime AND g.kind = 'basic'
        AND g.state = 'cleared' AND g.cleared_at = NEW.ended_at)) THEN
    RAISE EXCEPTION 'wrong_step: fund_recall' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_recall_ends BEFORE UPDATE OF state ON fund_recall FOR EACH ROW
  WHEN (NEW.state <> 'standing') EXECUTE FUNCTION fund_recall_ends();

-- As in 0037; where nobody knows when a grant was cleared, every ground that ended so is looked at, and one that stood
-- again since and was lifted by two people is gone for good.
CREATE OR REPLACE FUNCTION fund_grant_owed_again() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fund_recall r
      WHERE r.institution_id = NEW.institution_id AND r.regime = NEW.regime AND r.state = 'returned'
        AND r.ended_at >= coalesce(OLD.cleared_at, r.ended_at)
        AND NOT EXISTS (SELECT 1 FROM fund_recall s WHERE s.institution_id = r.institution_id
          AND s.regime = r.regime AND s.ground IS NOT DISTINCT FROM r.ground AND s.document = r.document
          AND (s.state = 'standing' OR (s.state = 'lifted' AND s.recorded_at >= r.ended_at)))) THEN
    RAISE EXCEPTION 'recall_stands: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
