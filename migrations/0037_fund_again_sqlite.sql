-- A ground that ended because everything was given back stands again before the grant may be owed again.
CREATE TRIGGER fund_grant_owed_again BEFORE UPDATE OF state ON fund_grant
WHEN OLD.state = 'cleared' AND NEW.state = 'received' AND NEW.kind = 'basic' BEGIN
  SELECT RAISE(ABORT, 'recall_stands: fund_grant') WHERE EXISTS (SELECT 1 FROM fund_recall r
      WHERE r.institution_id = NEW.institution_id AND r.regime = NEW.regime AND r.state = 'returned'
        AND r.ended_at >= OLD.cleared_at
        AND NOT EXISTS (SELECT 1 FROM fund_recall s WHERE s.institution_id = r.institution_id
          AND s.regime = r.regime AND s.state = 'standing' AND s.ground IS r.ground AND s.document = r.document));
END;
