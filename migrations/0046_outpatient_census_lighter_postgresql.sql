-- Accounts join an import that is being counted, as in 0023; nobody confirms it until they stand or are gone.
CREATE OR REPLACE FUNCTION outpatient_account_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  joined record;
BEGIN
  FOR joined IN SELECT DISTINCT f.institution_id, f.import_no FROM fresh f WHERE f.import_no IS NOT NULL LOOP
    PERFORM 1 FROM outpatient_import i WHERE i.institution_id = joined.institution_id
      AND i.import_no = joined.import_no AND i.state = 'counted' FOR SHARE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'wrong_step: outpatient_account' USING ERRCODE = 'HP006';
    END IF;
  END LOOP;
  IF EXISTS (SELECT 1 FROM fresh f WHERE (f.state = 'open' AND f.unclearable_reason = '' AND f.filed_on IS NULL
      AND f.person_id = f.account_no AND (f.import_no IS NOT NULL OR f.opening_fen = 0)) IS NOT TRUE) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NULL;
END $$;
