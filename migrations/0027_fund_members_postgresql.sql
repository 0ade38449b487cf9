-- The register of members on PostgreSQL: written down by one, confirmed or declined by another, ended with a ground.
CREATE FUNCTION fund_member_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'proposed' AND NEW.decided_by IS NULL AND NEW.left_by IS NULL
        AND NEW.member_no = (SELECT 1 + count(*) FROM fund_member m WHERE m.institution_id = NEW.institution_id)
        AND NEW.member_code = upper(translate(NEW.member_code, ' -./', ''))) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: fund_member' USING ERRCODE = 'HP006';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.proposed_by) THEN
      RAISE EXCEPTION 'maker: fund_member' USING ERRCODE = 'HP008';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state = 'proposed' AND NEW.state IN ('confirmed', 'declined') AND NEW.left_by IS NULL)
      OR (OLD.state = 'confirmed' AND NEW.state = 'left'
        AND (NEW.decided_by, NEW.decided_at) IS NOT DISTINCT FROM (OLD.decided_by, OLD.decided_at))) IS NOT TRUE
    OR (NEW.institution_id, NEW.member_no, NEW.member_code, NEW.member_name, NEW.account_no, NEW.document,
        NEW.proposed_by, NEW.proposed_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.member_no, OLD.member_code, OLD.member_name, OLD.account_no, OLD.document,
        OLD.proposed_by, OLD.proposed_at) THEN
    RAISE EXCEPTION 'wrong_step: fund_member' USING ERRCODE = 'HP006';
  END IF;
  IF OLD.state = 'proposed' AND (lower(btrim(NEW.decided_by)) = lower(btrim(NEW.proposed_by))
      OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.decided_by)) THEN
    RAISE EXCEPTION 'second_person: fund_member' USING ERRCODE = 'HP008';
  END IF;
  IF NEW.state = 'left' AND NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.left_by) THEN
    RAISE EXCEPTION 'maker: fund_member' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_member_walk BEFORE INSERT OR UPDATE ON fund_member
  FOR EACH ROW EXECUTE FUNCTION fund_member_walk();

-- A prepayment is handed on to the very row of the register that was named when it was asked for (a member that changed
-- its account stands in another), and never by the two who entered the member there alone: whoever asks or whoever
-- agrees is a third person. The member's row is held until the money is booked.
CREATE FUNCTION fund_distribution_to_member() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  entered text[];
BEGIN
  SELECT ARRAY[lower(btrim(m.proposed_by)), lower(btrim(m.decided_by))] INTO entered
  FROM fund_member m WHERE m.institution_id = NEW.institution_id AND m.member_no = NEW.member_no
    AND m.member_code = NEW.member_code AND m.member_name = NEW.member_name AND m.state = 'confirmed' FOR SHARE;
  IF entered IS NULL THEN
    RAISE EXCEPTION 'not_a_member: fund_distribution' USING ERRCODE = 'HP008';
  END IF;
  IF NEW.state = 'approved' AND lower(btrim(NEW.asked_by)) = ANY (entered)
      AND lower(btrim(NEW.decided_by)) = ANY (entered) THEN
    RAISE EXCEPTION 'third_person: fund_distribution' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_distribution_to_member BEFORE INSERT ON fund_distribution
  FOR EACH ROW EXECUTE FUNCTION fund_distribution_to_member();
CREATE TRIGGER fund_distribution_same_member BEFORE UPDATE ON fund_distribution
  FOR EACH ROW WHEN (NEW.member_no IS DISTINCT FROM OLD.member_no) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fund_distribution_to_member_still BEFORE UPDATE OF state ON fund_distribution
  FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION fund_distribution_to_member();
