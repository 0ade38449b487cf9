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

-- A decision that can't be read can't be computed again. Where a schema isn't trusted (trusted_schema=OFF, as the
-- program has it), SQLite lets no trigger call its JSON functions: what a text looks like from outside must do, and
-- rules replay names the rest.
CREATE TRIGGER decision_readable BEFORE INSERT ON decision BEGIN
  SELECT RAISE(ABORT, 'unreadable: decision') WHERE NOT coalesce(
    typeof(NEW.reasons) = 'text' AND (NEW.reasons = '[]' OR NEW.reasons GLOB '[[]{*}]')
    AND typeof(NEW.facts) = 'text' AND NEW.facts GLOB '{*}'
    AND typeof(NEW.readings) IN ('text', 'null') AND coalesce(NEW.readings, '{}') GLOB '{*}'
    AND NEW.effective_on = date(NEW.effective_on, '+0 days') AND NEW.effective_on GLOB '20*'
    AND typeof(NEW.decided_at) = 'text' AND datetime(NEW.decided_at) IS NOT NULL
    AND NEW.decided_at GLOB '20[0-9][0-9]-*T*+00:00', 0);
END;

-- No entry of another century, and none without an end.
CREATE TRIGGER ledger_entry_dated BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'undated: ledger_entry') WHERE NOT coalesce(
    datetime(NEW.occurred_at) IS NOT NULL AND NEW.occurred_at GLOB '20[0-9][0-9]-*T*+00:00'
    AND datetime(NEW.posted_at) IS NOT NULL AND NEW.posted_at GLOB '20[0-9][0-9]-*T*+00:00'
    AND NEW.effective_on = date(NEW.effective_on, '+0 days') AND NEW.effective_on GLOB '20*', 0);
END;

-- UPDATE OR REPLACE would push out the table that was published under this number.
CREATE TRIGGER cap_table_version BEFORE UPDATE OF version_no ON cap_table BEGIN
  SELECT RAISE(ABORT, 'append_only: cap_table') WHERE EXISTS (
    SELECT 1 FROM cap_table t WHERE t.institution_id = NEW.institution_id AND t.version_no = NEW.version_no
      AND t.table_id <> NEW.table_id);
END;
