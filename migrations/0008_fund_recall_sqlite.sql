-- Recall on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER fund_recall_insert BEFORE INSERT ON fund_recall BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_recall') WHERE NEW.state IS NOT 'standing' OR NEW.urged_on IS NOT NULL
    OR NEW.ended_by IS NOT NULL
    OR EXISTS (SELECT 1 FROM fund_recall r WHERE r.institution_id IS NEW.institution_id
      AND r.recall_id IS NEW.recall_id);
END;

CREATE TRIGGER fund_recall_walk BEFORE UPDATE ON fund_recall BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_recall') WHERE
    (OLD.state = 'standing' AND (
      (NEW.state = 'standing' AND OLD.urged_on IS NULL AND NEW.urged_on IS NOT NULL AND NEW.ended_by IS NULL)
      OR (NEW.state IN ('returned', 'lifted') AND NEW.urged_on IS OLD.urged_on
        AND NEW.urged_document IS OLD.urged_document AND NEW.urged_by IS OLD.urged_by
        AND NEW.urged_at IS OLD.urged_at))) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.recall_id IS NOT OLD.recall_id
    OR NEW.regime IS NOT OLD.regime OR NEW.ground IS NOT OLD.ground OR NEW.clause IS NOT OLD.clause
    OR NEW.what IS NOT OLD.what OR NEW.since_on IS NOT OLD.since_on OR NEW.document IS NOT OLD.document
    OR NEW.decision_id IS NOT OLD.decision_id OR NEW.recorded_by IS NOT OLD.recorded_by
    OR NEW.recorded_at IS NOT OLD.recorded_at
    OR (NEW.state = 'returned' AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
      AND g.regime = NEW.regime AND g.state IN ('approved', 'withheld', 'received')));
END;

CREATE TRIGGER fund_request_while_recalled BEFORE UPDATE ON fund_request
WHEN NEW.state IN ('reserved', 'paid') AND NEW.state IS NOT OLD.state BEGIN
  SELECT RAISE(ABORT, 'recall_stands: fund_request') WHERE EXISTS (SELECT 1 FROM fund_grant g
    JOIN fund_recall r ON r.institution_id = g.institution_id AND r.regime = g.regime AND r.state = 'standing'
    WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id);
END;

-- Money leaves the earmark only by a fund_payment that names its request (migration 0007): its grant is found by it.
CREATE TRIGGER fund_payment_while_recalled BEFORE INSERT ON ledger_entry WHEN NEW.kind = 'fund_payment' BEGIN
  SELECT RAISE(ABORT, 'recall_stands: ledger_entry') WHERE EXISTS (SELECT 1 FROM fund_request q
    JOIN fund_grant g ON g.institution_id = q.institution_id AND g.grant_id = q.grant_id
    JOIN fund_recall r ON r.institution_id = g.institution_id AND r.regime = g.regime AND r.state = 'standing'
    WHERE q.institution_id = NEW.institution_id AND 'fund_request:' || q.request_id = NEW.source);
END;

CREATE TRIGGER fund_incident_insert BEFORE INSERT ON fund_incident BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_incident') WHERE NEW.state IS NOT 'recorded' OR NEW.decided_by IS NOT NULL
    OR EXISTS (SELECT 1 FROM fund_incident i WHERE i.institution_id IS NEW.institution_id
      AND i.incident_id IS NEW.incident_id);
END;

CREATE TRIGGER fund_incident_walk BEFORE UPDATE ON fund_incident BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_incident') WHERE
    (OLD.state = 'recorded' AND NEW.state IN ('confirmed', 'rejected')) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.incident_id IS NOT OLD.incident_id
    OR NEW.grant_id IS NOT OLD.grant_id OR NEW.amount_fen IS NOT OLD.amount_fen
    OR NEW.found_on IS NOT OLD.found_on OR NEW.what IS NOT OLD.what OR NEW.persons IS NOT OLD.persons
    OR NEW.document IS NOT OLD.document OR NEW.recorded_by IS NOT OLD.recorded_by
    OR NEW.recorded_at IS NOT OLD.recorded_at
    OR (NEW.state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM ledger_entry e
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_loss'
        AND e.source = 'fund_incident:' || NEW.incident_id));
END;

CREATE TRIGGER fund_write_off_insert BEFORE INSERT ON fund_write_off BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_write_off') WHERE EXISTS (SELECT 1 FROM fund_write_off w
    WHERE w.institution_id IS NEW.institution_id AND w.grant_id IS NEW.grant_id AND w.document IS NEW.document);
END;

CREATE TRIGGER fund_bank_evidence_insert BEFORE INSERT ON fund_bank_evidence BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_bank_evidence') WHERE NOT EXISTS (SELECT 1 FROM ledger_entry e
    WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND e.kind = NEW.kind)
    OR EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id IS NEW.institution_id
      AND ((b.kind IS NEW.kind AND b.reference IS NEW.reference) OR b.entry_no IS NEW.entry_no));
END;
