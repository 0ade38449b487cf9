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

-- A second person is somebody of the institution, and not the first one in other letters or with blanks. Nothing
-- begins approved, and an approved slip has its receipt.
CREATE TRIGGER cap_table_begins BEFORE INSERT ON cap_table BEGIN
  SELECT RAISE(ABORT, 'wrong_step: cap_table') WHERE coalesce(NEW.approved_by, NEW.approved_at, NEW.rejected_by,
    NEW.published_by, NEW.published_at, NEW.effective_on, NEW.version_no) IS NOT NULL;
END;

CREATE TRIGGER cap_table_second_person BEFORE UPDATE OF approved_by ON cap_table BEGIN
  SELECT RAISE(ABORT, 'second_person: cap_table') WHERE NEW.approved_by IS NOT NULL AND (
    lower(trim(NEW.approved_by)) = lower(trim(NEW.measured_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.approved_by));
END;

CREATE TRIGGER deposit_rules_begin BEFORE INSERT ON deposit_rules BEGIN
  SELECT RAISE(ABORT, 'wrong_step: deposit_rules') WHERE coalesce(NEW.approved_by, NEW.approved_at) IS NOT NULL;
END;

CREATE TRIGGER deposit_rules_second_person BEFORE UPDATE OF approved_by ON deposit_rules BEGIN
  SELECT RAISE(ABORT, 'second_person: deposit_rules') WHERE NEW.approved_by IS NOT NULL AND (
    lower(trim(NEW.approved_by)) = lower(trim(NEW.written_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.approved_by));
END;

CREATE TRIGGER slip_request_begins BEFORE INSERT ON slip_request BEGIN
  SELECT RAISE(ABORT, 'wrong_step: slip_request') WHERE coalesce(NEW.decided_by, NEW.decided_at, NEW.receipt_book,
    NEW.receipt_serial) IS NOT NULL;
END;

-- Another system may decide here, too: the desk's interface lets it.
CREATE TRIGGER slip_request_second_person BEFORE UPDATE OF decided_by ON slip_request BEGIN
  SELECT RAISE(ABORT, 'second_person: slip_request') WHERE NEW.decided_by IS NOT NULL AND (
    lower(trim(NEW.decided_by)) = lower(trim(NEW.requested_by)) OR NOT EXISTS (
      SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by
      UNION ALL SELECT 1 FROM api_client c
      WHERE c.institution_id = NEW.institution_id AND c.client_id = NEW.decided_by));
END;

CREATE TRIGGER slip_request_receipt BEFORE UPDATE ON slip_request BEGIN
  SELECT RAISE(ABORT, 'wrong_step: slip_request') WHERE NEW.state = 'approved' AND NOT EXISTS (
    SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.book = NEW.receipt_book
      AND r.serial = NEW.receipt_serial AND r.kind = NEW.kind AND r.stay_no = NEW.stay_no
      AND r.amount_fen = NEW.amount_fen AND r.issued_by = NEW.requested_by AND r.approved_by = NEW.decided_by);
END;
