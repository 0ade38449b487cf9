-- The entry of an act and the act itself may come in either order: by the end of the transaction both are there.
CREATE FUNCTION outpatient_entry_has_its_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF (CASE WHEN NEW.kind = 'outpatient_correction'
      THEN EXISTS (SELECT 1 FROM outpatient_correction c WHERE c.institution_id = NEW.institution_id
        AND c.correction_id = substr(NEW.source, 23) AND c.state = 'approved')
    WHEN NEW.kind = 'outpatient_escheat'
      THEN NOT EXISTS (SELECT 1 FROM ledger_posting l JOIN outpatient_account a
          ON a.institution_id = l.institution_id AND a.account_no = substr(l.account_id, 10)
        WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
          AND starts_with(l.account_id, '23050102:') AND a.state <> 'remitted')
    ELSE {acted} END) IS NOT TRUE THEN
    RAISE EXCEPTION 'no_act: ledger_entry' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER outpatient_entry_has_its_act AFTER INSERT ON ledger_entry DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN ({kinds} OR NEW.kind IN ('outpatient_correction', 'outpatient_escheat'))
  EXECUTE FUNCTION outpatient_entry_has_its_act();

CREATE FUNCTION outpatient_act_has_its_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  named text := TG_TABLE_NAME || ':' || CASE TG_TABLE_NAME WHEN 'outpatient_taken'
    THEN to_jsonb(NEW) ->> 'taken_id' ELSE to_jsonb(NEW) ->> 'correction_id' END;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id AND e.source = named
      AND e.kind IN ('outpatient_deposit', 'outpatient_correction')) THEN
    RAISE EXCEPTION 'wrong_step: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER outpatient_taken_has_its_entry AFTER INSERT ON outpatient_taken
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION outpatient_act_has_its_entry();
CREATE CONSTRAINT TRIGGER outpatient_correction_has_its_entry AFTER UPDATE OF state ON outpatient_correction
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'approved')
  EXECUTE FUNCTION outpatient_act_has_its_entry();

-- A refund stands as its payments do; 0067 looked at one half of it.
DROP TRIGGER outpatient_payout_ends ON outpatient_payout;
DROP FUNCTION outpatient_payout_ends();
CREATE FUNCTION outpatient_claim_in_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NOT {in_step} THEN
    RAISE EXCEPTION 'wrong_step: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER outpatient_payout_in_step AFTER INSERT OR UPDATE OF state ON outpatient_payout
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION outpatient_claim_in_step();
CREATE CONSTRAINT TRIGGER outpatient_claim_in_step AFTER UPDATE OF state ON outpatient_claim
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION outpatient_claim_in_step();

-- What is taken back says by whom, when and why; nobody says it later, or of what stands. The arguments are the state
-- that means it, another that does, and the column of the ground.
CREATE FUNCTION outpatient_taken_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  ground text := to_jsonb(NEW) ->> TG_ARGV[2];
BEGIN
  IF (CASE WHEN NEW.state IN (TG_ARGV[0], TG_ARGV[1]) THEN ground ~ '[^[:space:]　]' AND NEW.ended_at IS NOT NULL
      AND EXISTS (SELECT 1 FROM staff_user u
        WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.ended_by)
    ELSE (NEW.ended_by, NEW.ended_at, ground) IS NOT DISTINCT FROM
      (OLD.ended_by, OLD.ended_at, to_jsonb(OLD) ->> TG_ARGV[2]) END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_taken_back BEFORE UPDATE ON outpatient_claim FOR EACH ROW
  EXECUTE FUNCTION outpatient_taken_back('withdrawn', 'rejected', 'ground');
CREATE TRIGGER outpatient_filing_taken_back BEFORE UPDATE ON outpatient_filing FOR EACH ROW
  EXECUTE FUNCTION outpatient_taken_back('withdrawn', 'withdrawn', 'ended_ground');
CREATE TRIGGER outpatient_batch_taken_back BEFORE UPDATE ON outpatient_batch FOR EACH ROW
  EXECUTE FUNCTION outpatient_taken_back('dropped', 'dropped', 'ended_ground');
CREATE TRIGGER outpatient_advance_list_taken_back BEFORE UPDATE ON outpatient_advance_list FOR EACH ROW
  EXECUTE FUNCTION outpatient_taken_back('refused', 'refused', 'ground');

CREATE FUNCTION outpatient_campaign_taken_back() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.state = 'dropped') IS DISTINCT FROM (NEW.dropped_ground ~ '[^[:space:]　]') THEN
    RAISE EXCEPTION 'wrong_step: outpatient_campaign' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_campaign_taken_back BEFORE UPDATE ON outpatient_campaign FOR EACH ROW
  EXECUTE FUNCTION outpatient_campaign_taken_back();

-- One list for the treasury at a time: while another is under way, an account that left it would stand on both, and be
-- turned over and paid ahead for each. A list says to the fen what goes, when it is frozen and when it is approved.
CREATE FUNCTION outpatient_batch_one_at_a_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('outpatient_batch:' || NEW.institution_id, 0));
  IF (NEW.state = 'frozen' AND EXISTS (SELECT 1 FROM outpatient_batch o
      WHERE o.institution_id = NEW.institution_id AND o.batch_no <> NEW.batch_no
        AND o.state IN ('frozen', 'approved')))
    OR (NEW.state = 'approved' AND EXISTS (SELECT 1 FROM outpatient_batch o
      JOIN outpatient_batch_line m ON m.institution_id = o.institution_id AND m.batch_no = o.batch_no
      JOIN outpatient_batch_line l ON l.institution_id = m.institution_id AND l.account_no = m.account_no
      WHERE o.institution_id = NEW.institution_id AND o.batch_no <> NEW.batch_no
        AND o.state IN ('frozen', 'approved', 'booked') AND l.batch_no = NEW.batch_no))
    OR EXISTS (SELECT 1 FROM outpatient_batch_line l LEFT JOIN ledger_account a
        ON a.institution_id = l.institution_id AND a.account_id = '23050102:' || l.account_no
      WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no
        AND a.balance_fen IS DISTINCT FROM l.balance_fen) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_batch' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_batch_one_at_a_time BEFORE UPDATE OF state ON outpatient_batch FOR EACH ROW
  WHEN (NEW.state IN ('frozen', 'approved')) EXECUTE FUNCTION outpatient_batch_one_at_a_time();

-- And it is booked once none of its accounts waits any more.
CREATE FUNCTION outpatient_batch_booked_whole() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_batch_line l JOIN outpatient_account a
      ON a.institution_id = l.institution_id AND a.account_no = l.account_no
    WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no AND a.state = 'frozen') THEN
    RAISE EXCEPTION 'wrong_step: outpatient_batch' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_batch_booked_whole BEFORE UPDATE OF state ON outpatient_batch FOR EACH ROW
  WHEN (NEW.state = 'booked') EXECUTE FUNCTION outpatient_batch_booked_whole();

-- What the gate takes stands on an account of its own: on one of the census it would go to the treasury with what is
-- more than three years old.
CREATE FUNCTION outpatient_taken_apart() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id
      AND a.account_no = NEW.account_no AND (a.import_no IS NOT NULL OR a.state <> 'open')) THEN
    RAISE EXCEPTION 'gate: outpatient_taken' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_taken_apart BEFORE INSERT ON outpatient_taken FOR EACH ROW
  EXECUTE FUNCTION outpatient_taken_apart();

-- A payment that isn't cash goes by a file that was made for the bank.
CREATE FUNCTION outpatient_payout_has_its_file() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
END $$;
CREATE TRIGGER outpatient_payout_has_its_file BEFORE INSERT ON outpatient_payout FOR EACH ROW
  WHEN (NEW.route <> 'cash' AND NEW.file_no IS NULL) EXECUTE FUNCTION outpatient_payout_has_its_file();

CREATE FUNCTION outpatient_by_nobody() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
  AS $$
BEGIN
  RAISE EXCEPTION 'second_person: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
END $$;

-- Who is named did it: somebody of the institution. The arguments are the columns.
CREATE FUNCTION outpatient_named() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  said jsonb := to_jsonb(NEW);
  had jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ELSE '{}' END;
  who text;
BEGIN
  FOREACH who IN ARRAY TG_ARGV LOOP
    IF said ->> who IS DISTINCT FROM had ->> who AND said ->> who IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = said ->> who) THEN
      RAISE EXCEPTION 'second_person: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
    END IF;
  END LOOP;
  RETURN NEW;
END $$;

-- An account moved last on a day before its balances were read, and after that only with what is taken for it.
CREATE FUNCTION outpatient_account_moved() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT f.institution_id, f.import_no, max(f.last_movement_on) AS newest FROM fresh f
      WHERE f.import_no IS NOT NULL GROUP BY f.institution_id, f.import_no) q
    JOIN outpatient_import i ON i.institution_id = q.institution_id AND i.import_no = q.import_no
    WHERE q.newest > i.balances_on) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_account_moved AFTER INSERT ON outpatient_account
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_account_moved();

CREATE FUNCTION outpatient_account_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM outpatient_taken t WHERE t.institution_id = NEW.institution_id
      AND t.account_no = NEW.account_no
      AND (t.taken_at AT TIME ZONE 'Asia/Shanghai')::date = NEW.last_movement_on) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_account_moves BEFORE UPDATE OF last_movement_on ON outpatient_account FOR EACH ROW
  WHEN (NEW.last_movement_on IS DISTINCT FROM OLD.last_movement_on) EXECUTE FUNCTION outpatient_account_moves();
