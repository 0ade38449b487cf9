-- A recall is about what was paid under the notice: a grant that follows a document of its own holds none open.
CREATE OR REPLACE FUNCTION fund_recall_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'standing' AND NEW.urged_on IS NULL AND NEW.ended_by IS NULL) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: fund_recall' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'standing' AND (
        (NEW.state = 'standing' AND OLD.urged_on IS NULL AND NEW.urged_on IS NOT NULL AND NEW.ended_by IS NULL)
        OR (NEW.state IN ('returned', 'lifted')
          AND (NEW.urged_on, NEW.urged_document, NEW.urged_by, NEW.urged_at) IS NOT DISTINCT FROM
              (OLD.urged_on, OLD.urged_document, OLD.urged_by, OLD.urged_at)))) IS NOT TRUE
    OR (NEW.institution_id, NEW.recall_id, NEW.regime, NEW.ground, NEW.clause, NEW.what, NEW.since_on, NEW.document,
        NEW.decision_id, NEW.recorded_by, NEW.recorded_at) IS DISTINCT FROM
       (OLD.institution_id, OLD.recall_id, OLD.regime, OLD.ground, OLD.clause, OLD.what, OLD.since_on, OLD.document,
        OLD.decision_id, OLD.recorded_by, OLD.recorded_at)
    OR (NEW.state = 'returned' AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
        AND g.regime = NEW.regime AND g.kind = 'basic' AND g.state IN ('approved', 'withheld', 'received'))) THEN
    RAISE EXCEPTION 'wrong_step: fund_recall' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- A member neither gives back nor uses more than it was handed, both together.
CREATE OR REPLACE FUNCTION fund_distribution_return_sum() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM fund_distribution d WHERE d.institution_id = NEW.institution_id
        AND d.distribution_id = NEW.distribution_id AND d.state = 'approved' AND d.amount_fen >= NEW.amount_fen
          + (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r
            WHERE r.institution_id = d.institution_id AND r.distribution_id = d.distribution_id)
          + (SELECT coalesce(sum(u.amount_fen), 0) FROM fund_distribution_use u
            WHERE u.institution_id = d.institution_id AND u.distribution_id = d.distribution_id)) THEN
    RAISE EXCEPTION 'wrong_step: fund_distribution_return' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION fund_distribution_use_sum() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
      SELECT 1 FROM fund_distribution d WHERE d.institution_id = NEW.institution_id
        AND d.distribution_id = NEW.distribution_id AND d.state = 'approved' AND d.amount_fen >= NEW.amount_fen
          + (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r
            WHERE r.institution_id = d.institution_id AND r.distribution_id = d.distribution_id)
          + (SELECT coalesce(sum(u.amount_fen), 0) FROM fund_distribution_use u
            WHERE u.institution_id = d.institution_id AND u.distribution_id = d.distribution_id)) THEN
    RAISE EXCEPTION 'wrong_step: fund_distribution_use' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
