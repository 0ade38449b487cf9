-- A ground that ended because everything was given back stands again before the grant may be owed again.
CREATE TRIGGER fund_grant_owed_again BEFORE UPDATE OF state ON fund_grant
WHEN OLD.state = 'cleared' AND NEW.state = 'received' AND NEW.kind = 'basic' BEGIN
  SELECT RAISE(ABORT, 'recall_stands: fund_grant') WHERE EXISTS (SELECT 1 FROM fund_recall r
      WHERE r.institution_id = NEW.institution_id AND r.regime = NEW.regime AND r.state = 'returned'
        AND r.ended_at >= OLD.cleared_at
        AND NOT EXISTS (SELECT 1 FROM fund_recall s WHERE s.institution_id = r.institution_id
          AND s.regime = r.regime AND s.state = 'standing' AND s.ground IS r.ground AND s.document = r.document));
END;

-- Said once, by somebody of the house, with a ground.
CREATE TRIGGER fund_rejection_explained_insert BEFORE INSERT ON fund_rejection_explained BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_rejection_explained') WHERE
    (length(trim(NEW.ground)) > 0) IS NOT 1
    OR NOT EXISTS (SELECT 1 FROM fund_statement s WHERE s.institution_id = NEW.institution_id
      AND s.statement_id = NEW.statement_id)
    OR EXISTS (SELECT 1 FROM fund_rejection_explained w WHERE w.institution_id IS NEW.institution_id
      AND w.statement_id IS NEW.statement_id);
  SELECT RAISE(ABORT, 'maker: fund_rejection_explained') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.said_by);
END;

CREATE TRIGGER fund_rejection_explained_no_update BEFORE UPDATE ON fund_rejection_explained BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_rejection_explained');
END;

CREATE TRIGGER fund_rejection_explained_no_delete BEFORE DELETE ON fund_rejection_explained BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_rejection_explained');
END;
