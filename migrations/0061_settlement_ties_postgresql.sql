-- What ties acts of settlement to the books, on PostgreSQL. What a stay owes is moved by an entry of an act that says
-- so; a recall has its red letter; a discharge is settled when its document is, and ends by a message.

CREATE FUNCTION arrears_unexplained(p_institution text, p_entry bigint) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT {unexplained}
$$;

-- The entry comes first and its act after it: by the end of the transaction both are there.
CREATE FUNCTION arrears_line_has_its_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF arrears_unexplained(NEW.institution_id, NEW.entry_no) THEN
    RAISE EXCEPTION 'no_act: ledger_posting' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER arrears_line_has_its_act AFTER INSERT ON ledger_posting DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (starts_with(NEW.account_id, '12120203:')) EXECUTE FUNCTION arrears_line_has_its_act();

-- No act speaks of an entry that moved something else. The argument is the column that names the entry.
CREATE FUNCTION arrears_act_explains() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF arrears_unexplained(NEW.institution_id, (to_jsonb(NEW) ->> TG_ARGV[0])::bigint) THEN
    RAISE EXCEPTION 'no_act: ledger_posting' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;

-- The entry of a settlement that stands is mirrored by nothing.
CREATE FUNCTION settlement_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id
      AND t.entry_no = NEW.reverses_no AND t.recalled_at IS NULL) THEN
    RAISE EXCEPTION 'settled: ledger_entry' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_stands BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.reverses_no IS NOT NULL) EXECUTE FUNCTION settlement_stands();

-- By the end of the transaction a recall names its red letter (settlement_walk holds it to the entry), and with it the
-- discharge isn't settled any more.
CREATE FUNCTION settlement_has_its_red_letter() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
      AND t.settlement_no = NEW.settlement_no AND t.recall_entry_no IS NULL) THEN
    RAISE EXCEPTION 'wrong_step: settlement' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER settlement_has_its_red_letter AFTER UPDATE OF recalled_at ON settlement
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.recalled_at IS NOT NULL AND NEW.entry_no IS NOT NULL)
  EXECUTE FUNCTION settlement_has_its_red_letter();

CREATE FUNCTION settlement_unsettles() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE discharge SET settled_at = NULL WHERE institution_id = NEW.institution_id AND stay_no = NEW.stay_no
    AND discharged_at = NEW.discharged_at AND settled_at IS NOT NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER settlement_unsettles AFTER UPDATE OF recalled_at ON settlement FOR EACH ROW
  WHEN (NEW.recalled_at IS NOT NULL AND NEW.discharged_at IS NOT NULL) EXECUTE FUNCTION settlement_unsettles();

-- A discharge is settled with the document that stands, at its moment or at that in which the money of the stay was
-- known to have arrived, or was fetched; settled it is until the document is recalled.
CREATE FUNCTION discharge_settled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  since timestamptz := (SELECT t.settled_at FROM settlement t WHERE t.institution_id = NEW.institution_id
    AND t.stay_no = NEW.stay_no AND t.discharged_at = NEW.discharged_at AND t.recalled_at IS NULL);
BEGIN
  IF (CASE WHEN NEW.settled_at IS NULL THEN since IS NOT NULL
    ELSE OLD.settled_at IS NOT NULL OR (since = NEW.settled_at OR (since < NEW.settled_at
      AND (EXISTS (SELECT 1 FROM receipt r JOIN refund_arrival a USING (institution_id, book, serial)
        WHERE r.institution_id = NEW.institution_id AND r.stay_no = NEW.stay_no AND a.state = 'arrived'
          AND a.known_at = NEW.settled_at)
      OR EXISTS (SELECT 1 FROM unclaimed_deposit u WHERE u.institution_id = NEW.institution_id
        AND u.stay_no = NEW.stay_no AND u.state = 'paid' AND u.decided_at = NEW.settled_at)))) IS NOT TRUE
    END) THEN
    RAISE EXCEPTION 'wrong_step: discharge' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER discharge_settled BEFORE UPDATE OF settled_at ON discharge FOR EACH ROW
  WHEN (NEW.settled_at IS DISTINCT FROM OLD.settled_at) EXECUTE FUNCTION discharge_settled();

-- A discharge ends by a message that says so, at its moment, and once the stay isn't discharged at that time any more.
CREATE FUNCTION discharge_ends() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (TG_OP = 'UPDATE' AND (NEW.ended_at IS NULL) IS DISTINCT FROM EXISTS (SELECT 1 FROM stay s
      WHERE s.institution_id = NEW.institution_id AND s.stay_no = NEW.stay_no
        AND s.discharged_at = NEW.discharged_at))
    OR (NEW.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM visit_message m
      WHERE m.institution_id = NEW.institution_id AND m.visit_no = NEW.stay_no AND m.state = 'applied'
        AND m.occurred_at = NEW.ended_at AND m.event IN ('update', CASE NEW.ended_by WHEN 'cancelled'
          THEN 'cancel_discharge' WHEN 'corrected' THEN 'discharge' ELSE 'cancel_admit' END))) THEN
    RAISE EXCEPTION 'no_message: discharge' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER discharge_begins BEFORE INSERT ON discharge FOR EACH ROW
  WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION discharge_ends();
CREATE TRIGGER discharge_ends BEFORE UPDATE OF ended_at, ended_by ON discharge FOR EACH ROW
  WHEN ((NEW.ended_at, NEW.ended_by) IS DISTINCT FROM (OLD.ended_at, OLD.ended_by))
  EXECUTE FUNCTION discharge_ends();
