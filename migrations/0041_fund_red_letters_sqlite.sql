-- The same promises as beside it for PostgreSQL.

-- A red letter is never mirrored: what it took back comes in again as what it is, by its own way. And what belongs to
-- the fund is mirrored by an approved correction, or as a payment that bounced, and by nothing else.
CREATE TRIGGER ledger_entry_red_letter BEFORE INSERT ON ledger_entry WHEN NEW.reverses_no IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'red_letter: ledger_entry') WHERE EXISTS (SELECT 1 FROM ledger_entry o
    WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no AND o.reverses_no IS NOT NULL);
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (SELECT 1 FROM ledger_entry o
      WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no AND o.kind <> 'fund_payment'
        AND (o.kind GLOB 'fund_*' OR EXISTS (SELECT 1 FROM ledger_posting l
          JOIN fund_grant g ON g.institution_id = l.institution_id AND g.grant_id = l.fund
          WHERE l.institution_id = o.institution_id AND l.entry_no = o.entry_no)))
    AND NOT EXISTS (SELECT 1 FROM fund_correction c JOIN ledger_entry o
      ON o.institution_id = c.institution_id AND o.entry_no = c.entry_no
      WHERE c.institution_id = NEW.institution_id AND 'fund_correction:' || c.correction_id = NEW.source
        AND c.entry_no = NEW.reverses_no AND c.state = 'approved' AND NEW.kind = o.kind || '_undone');
END;

-- The claim on members stands in an account of its own: it comes about by a return in their place, falls by what they
-- paid, and either is taken back; nothing else is booked there.
CREATE TRIGGER ledger_entry_claim_is_named BEFORE INSERT ON ledger_entry
WHEN NEW.kind <> 'fund_return' AND NEW.kind <> 'fund_return_undone' AND NEW.kind <> 'fund_claim_repaid'
  AND NEW.kind <> 'fund_claim_repaid_undone' AND EXISTS (SELECT 1 FROM ledger_posting l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.account_id = '1218') BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry');
END;

-- A grant is cleared at the moment of the entry by which the last of what was owed fell, and carries a moment of that
-- kind in no other state.
CREATE TRIGGER fund_grant_not_cleared BEFORE INSERT ON fund_grant WHEN NEW.cleared_at IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant');
END;
CREATE TRIGGER fund_grant_cleared_at BEFORE UPDATE ON fund_grant
WHEN NEW.state = 'cleared' OR NEW.cleared_at IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE NEW.state <> 'cleared' OR NEW.cleared_at IS NULL
    OR NEW.cleared_at IS NOT (
      SELECT e.posted_at FROM ledger_posting l JOIN ledger_entry e
        ON e.institution_id = l.institution_id AND e.entry_no = l.entry_no
      WHERE l.institution_id = NEW.institution_id AND l.account_id = '23050101:' || NEW.grant_id
      ORDER BY l.entry_no DESC LIMIT 1);
END;

-- A ground ends by somebody of the house, and not before it was recorded; because everything was given back it ends in
-- the moment in which a grant of its place was cleared.
CREATE TRIGGER fund_recall_ends BEFORE UPDATE OF state ON fund_recall WHEN NEW.state <> 'standing' BEGIN
  SELECT RAISE(ABORT, 'maker: fund_recall') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.ended_by);
  SELECT RAISE(ABORT, 'wrong_step: fund_recall') WHERE (NEW.ended_at >= NEW.recorded_at) IS NOT 1
    OR (NEW.state = 'returned' AND NOT EXISTS (SELECT 1 FROM fund_grant g
      WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime AND g.kind = 'basic'
        AND g.state = 'cleared' AND g.cleared_at = NEW.ended_at));
END;

-- As in 0037; where nobody knows when a grant was cleared, every ground that ended so is looked at, and one that stood
-- again since and was lifted by two people is gone for good.
CREATE TRIGGER fund_grant_owed_again BEFORE UPDATE OF state ON fund_grant
WHEN OLD.state = 'cleared' AND NEW.state = 'received' AND NEW.kind = 'basic' BEGIN
  SELECT RAISE(ABORT, 'recall_stands: fund_grant') WHERE EXISTS (SELECT 1 FROM fund_recall r
      WHERE r.institution_id = NEW.institution_id AND r.regime = NEW.regime AND r.state = 'returned'
        AND r.ended_at >= coalesce(OLD.cleared_at, r.ended_at)
        AND NOT EXISTS (SELECT 1 FROM fund_recall s WHERE s.institution_id = r.institution_id
          AND s.regime = r.regime AND s.ground IS r.ground AND s.document = r.document
          AND (s.state = 'standing' OR (s.state = 'lifted' AND s.recorded_at >= r.ended_at))));
END;
