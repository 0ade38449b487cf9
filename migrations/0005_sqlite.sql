-- A cap is what its decision gave, and a decision gives one cap. Rows from before may share a decision, which a unique
-- index would not take.
CREATE TRIGGER stay_cap_decided BEFORE INSERT ON stay_cap BEGIN
  SELECT RAISE(ABORT, 'cap_not_decided: stay_cap') WHERE NOT EXISTS (
    SELECT 1 FROM decision d WHERE d.institution_id = NEW.institution_id AND d.decision_id = NEW.decision_id
      AND d.rule = 'inpatient.determine_cap'
      AND (d.outcome = 'permitted') = (NEW.cap_fen IS NOT NULL)
      AND (NEW.cap_fen IS NULL OR d.amount_fen = NEW.cap_fen));
  SELECT RAISE(ABORT, 'decision_used: stay_cap') WHERE EXISTS (
    SELECT 1 FROM stay_cap c WHERE c.institution_id = NEW.institution_id AND c.decision_id = NEW.decision_id);
END;
