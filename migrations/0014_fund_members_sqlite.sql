-- What follows a document of its own holds no recall open, and a member neither gives back nor uses more than it was
-- handed: the same promises as beside it for PostgreSQL.

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
      AND g.regime = NEW.regime
      AND g.kind = 'basic' AND g.state IN ('approved', 'withheld', 'received')));
END;

CREATE TRIGGER fund_distribution_return_sum BEFORE INSERT ON fund_distribution_return BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution_return') WHERE NOT EXISTS (
    SELECT 1 FROM fund_distribution d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id AND d.state = 'approved' AND d.amount_fen >= NEW.amount_fen
        + (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r
          WHERE r.institution_id = d.institution_id AND r.distribution_id = d.distribution_id)
        + (SELECT coalesce(sum(u.amount_fen), 0) FROM fund_distribution_use u
          WHERE u.institution_id = d.institution_id AND u.distribution_id = d.distribution_id));
END;

CREATE TRIGGER fund_distribution_use_sum BEFORE INSERT ON fund_distribution_use BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution_use') WHERE NOT EXISTS (
    SELECT 1 FROM fund_distribution d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id AND d.state = 'approved' AND d.amount_fen >= NEW.amount_fen
        + (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r
          WHERE r.institution_id = d.institution_id AND r.distribution_id = d.distribution_id)
        + (SELECT coalesce(sum(u.amount_fen), 0) FROM fund_distribution_use u
          WHERE u.institution_id = d.institution_id AND u.distribution_id = d.distribution_id));
END;
