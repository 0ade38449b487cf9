-- Finding people on PostgreSQL. A campaign walks: proposed, released by another with the accounts it is for, or dropped.
-- What came of an attempt is told by somebody else than who proposed it, after its file was made; nothing is rewritten.

-- Whether somebody of the institution, who isn't the campaign's proposer in other letters, may attest what came of it.
CREATE FUNCTION outpatient_campaign_attested(p_institution text, p_campaign integer, p_person text) RETURNS boolean
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_campaign c JOIN staff_user u ON u.institution_id = c.institution_id
      AND u.user_id = p_person
    WHERE c.institution_id = p_institution AND c.campaign_no = p_campaign AND c.state = 'released'
      AND lower(btrim(c.proposed_by)) <> lower(btrim(p_person)))
$$;

CREATE FUNCTION outpatient_campaign_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  free text[] := ARRAY['state', 'chosen', 'total_fen', 'released_by', 'released_at', 'dropped_by', 'dropped_at'];
BEGIN
  IF (CASE WHEN TG_OP = 'INSERT' THEN NEW.state = 'proposed' AND NEW.chosen = 0 AND NEW.total_fen = 0
      AND num_nonnulls(NEW.released_by, NEW.released_at, NEW.dropped_by, NEW.dropped_at) = 0
    ELSE OLD.state = 'proposed' AND (to_jsonb(NEW) - free) = (to_jsonb(OLD) - free) AND CASE NEW.state
      WHEN 'released' THEN num_nonnulls(NEW.released_by, NEW.released_at) = 2 AND NEW.dropped_by IS NULL
        AND NEW.chosen = (SELECT count(*) FROM outpatient_contact c WHERE c.institution_id = NEW.institution_id
          AND c.campaign_no = NEW.campaign_no)
      WHEN 'dropped' THEN num_nonnulls(NEW.dropped_by, NEW.dropped_at) = 2 AND NEW.released_by IS NULL
        AND NEW.chosen = 0
      ELSE false END END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: outpatient_campaign' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_campaign_walk BEFORE INSERT OR UPDATE ON outpatient_campaign
  FOR EACH ROW EXECUTE FUNCTION outpatient_campaign_walk();
CREATE TRIGGER outpatient_campaign_by_another BEFORE UPDATE OF released_by ON outpatient_campaign
  FOR EACH ROW EXECUTE FUNCTION second_person('released_by', 'proposed_by');

-- Whom a campaign is for: deposits that are still with the hospital, on a number that is there. A million come in one
-- statement: looked at together, and not one by one.
CREATE FUNCTION outpatient_contact_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_nestloop = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f
      LEFT JOIN outpatient_campaign c ON c.institution_id = f.institution_id AND c.campaign_no = f.campaign_no
      LEFT JOIN outpatient_account a ON a.institution_id = f.institution_id AND a.account_no = f.account_no
    WHERE (c.state = 'proposed' AND c.channel = f.channel AND f.seq > 0 AND f.phone_hash = a.phone_hash
      AND a.kind = 'outpatient_deposit' AND a.state IN ('open', 'unclearable', 'filed')
      AND (f.channel NOT IN ('sms', 'phone') OR a.reach = 'phone')) IS NOT TRUE) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_contact' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_contact_joins AFTER INSERT ON outpatient_contact
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_contact_joins();

CREATE FUNCTION outpatient_contact_file_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM outpatient_campaign c WHERE c.institution_id = NEW.institution_id
      AND c.campaign_no = NEW.campaign_no AND c.state = 'released' AND c.channel <> 'board'
      AND NEW.lines + NEW.left_out = c.chosen AND NEW.left_out >= 0) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_contact_file' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_contact_file_joins BEFORE INSERT ON outpatient_contact_file
  FOR EACH ROW EXECUTE FUNCTION outpatient_contact_file_joins();

CREATE FUNCTION outpatient_contact_part_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM outpatient_contact_file f WHERE f.institution_id = NEW.institution_id
      AND f.campaign_no = NEW.campaign_no AND NEW.part_no BETWEEN 1 AND f.parts) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_contact_part' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_contact_part_joins BEFORE INSERT ON outpatient_contact_part
  FOR EACH ROW EXECUTE FUNCTION outpatient_contact_part_joins();

CREATE FUNCTION outpatient_contact_import_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (outpatient_campaign_attested(NEW.institution_id, NEW.campaign_no, NEW.imported_by)
    AND EXISTS (SELECT 1 FROM outpatient_contact_file f WHERE f.institution_id = NEW.institution_id
      AND f.campaign_no = NEW.campaign_no)) IS NOT TRUE THEN
    RAISE EXCEPTION 'second_person: outpatient_contact_import' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_contact_import_joins BEFORE INSERT ON outpatient_contact_import
  FOR EACH ROW EXECUTE FUNCTION outpatient_contact_import_joins();

-- A result belongs to the campaign of its file; that a number doesn't suit is found while a file for texting is made.
CREATE FUNCTION outpatient_contact_result_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT f.institution_id, f.campaign_no, f.import_no FROM fresh f) q
    WHERE CASE WHEN q.import_no IS NULL THEN NOT EXISTS (SELECT 1 FROM outpatient_contact_file h
        JOIN outpatient_campaign c ON c.institution_id = h.institution_id AND c.campaign_no = h.campaign_no
        WHERE h.institution_id = q.institution_id AND h.campaign_no = q.campaign_no AND c.channel = 'sms')
      ELSE NOT EXISTS (SELECT 1 FROM outpatient_contact_import i WHERE i.institution_id = q.institution_id
        AND i.import_no = q.import_no AND i.campaign_no = q.campaign_no) END) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_contact_result' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_contact_result_joins AFTER INSERT ON outpatient_contact_result
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_contact_result_joins();

CREATE FUNCTION outpatient_contact_proof_joins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (outpatient_campaign_attested(NEW.institution_id, NEW.campaign_no, NEW.recorded_by)
    AND EXISTS (SELECT 1 FROM outpatient_campaign c WHERE c.institution_id = NEW.institution_id
      AND c.campaign_no = NEW.campaign_no AND c.channel = 'board')
    AND NEW.proof_no = 1 + (SELECT count(*) FROM outpatient_contact_proof p
      WHERE p.institution_id = NEW.institution_id AND p.campaign_no = NEW.campaign_no)) IS NOT TRUE THEN
    RAISE EXCEPTION 'second_person: outpatient_contact_proof' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_contact_proof_joins BEFORE INSERT ON outpatient_contact_proof
  FOR EACH ROW EXECUTE FUNCTION outpatient_contact_proof_joins()
