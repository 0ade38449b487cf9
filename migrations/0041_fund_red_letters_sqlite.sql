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

-- The claim on members stands in an account of its own, and falls by what they paid or by a red letter alone.
CREATE TRIGGER ledger_entry_claim_is_named BEFORE INSERT ON ledger_entry
WHEN NEW.kind <> 'fund_claim_repaid' AND NEW.reverses_no IS NULL AND EXISTS (SELECT 1 FROM ledger_posting l
    WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.account_id = '1218'
      AND l.credit_fen > 0) BEGIN
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

-- As in 0035; compared as slips are since 0036, for a number has one spelling. It has a letter A to Z or a digit, and
-- none of the signs that SQLite can't compare.
CREATE TRIGGER fund_evidence_once BEFORE INSERT ON fund_evidence BEGIN
  SELECT RAISE(ABORT, 'invoice_used: fund_evidence') WHERE (length(NEW.invoice_no) <= 40
    AND NEW.invoice_no NOT GLOB '*[' || COMPOSED || ']*' AND PLAIN(NEW.invoice_no) IS NOT NULL) IS NOT 1;
  SELECT RAISE(ABORT, 'invoice_used: fund_evidence') WHERE EXISTS (
    SELECT 1 FROM fund_request mine
      JOIN fund_request other ON other.institution_id = mine.institution_id
        AND other.payee_credit_code = mine.payee_credit_code AND other.state IN ('paid', 'evidenced')
      JOIN fund_evidence_standing v ON v.institution_id = other.institution_id AND v.request_id = other.request_id
    WHERE mine.institution_id = NEW.institution_id AND mine.request_id = NEW.request_id
      AND (v.request_id <> NEW.request_id OR v.line_no = NEW.line_no)
      AND SAME(v.invoice_no, NEW.invoice_no));
END;

-- Invoices of a line come to no more than the line, and a number that is recorded again counts on.
CREATE TRIGGER fund_evidence_within BEFORE INSERT ON fund_evidence BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_evidence') WHERE
    (NEW.amount_fen + (SELECT coalesce(sum(v.amount_fen), 0) FROM fund_evidence_standing v
        WHERE v.institution_id = NEW.institution_id AND v.request_id = NEW.request_id AND v.line_no = NEW.line_no)
      <= (SELECT l.amount_fen FROM fund_request_line l WHERE l.institution_id = NEW.institution_id
        AND l.request_id = NEW.request_id AND l.line_no = NEW.line_no)) IS NOT 1
    OR NEW.attempt IS NOT 1 + (SELECT coalesce(max(v.attempt), 0) FROM fund_evidence v
      WHERE v.institution_id = NEW.institution_id AND v.request_id = NEW.request_id AND v.line_no = NEW.line_no
        AND v.invoice_no = NEW.invoice_no);
END;

-- One document proves one thing for the hospital or for a member, not for both: by the codes of both lines, or by their
-- names where one has no code.
CREATE TRIGGER fund_evidence_no_members_use BEFORE INSERT ON fund_evidence BEGIN
  SELECT RAISE(ABORT, 'invoice_used: fund_evidence') WHERE EXISTS (
    SELECT 1 FROM fund_request_line l JOIN fund_distribution_use u ON u.institution_id = l.institution_id
    WHERE l.institution_id = NEW.institution_id AND l.request_id = NEW.request_id AND l.line_no = NEW.line_no
      AND CASE WHEN NOT SAME(u.document, NEW.invoice_no) THEN 0
        WHEN PLAIN(l.code) IS NOT NULL AND PLAIN(u.code) IS NOT NULL THEN PLAIN(l.code) = PLAIN(u.code)
        ELSE replace(l.name, ' ', '') = replace(u.name, ' ', '') END
      AND NOT EXISTS (SELECT 1 FROM fund_use_withdrawn w WHERE w.institution_id = u.institution_id
        AND w.distribution_id = u.distribution_id AND w.use_no = u.use_no));
END;

CREATE TRIGGER fund_use_no_own_invoice BEFORE INSERT ON fund_distribution_use BEGIN
  SELECT RAISE(ABORT, 'invoice_used: fund_distribution_use') WHERE PLAIN(NEW.document) IS NULL OR EXISTS (
    SELECT 1 FROM fund_evidence_standing v
      JOIN fund_request q ON q.institution_id = v.institution_id AND q.request_id = v.request_id
        AND q.state IN ('paid', 'evidenced')
      JOIN fund_request_line l ON l.institution_id = v.institution_id AND l.request_id = v.request_id
        AND l.line_no = v.line_no
    WHERE v.institution_id = NEW.institution_id
      AND CASE WHEN NOT SAME(v.invoice_no, NEW.document) THEN 0
        WHEN PLAIN(l.code) IS NOT NULL AND PLAIN(NEW.code) IS NOT NULL THEN PLAIN(l.code) = PLAIN(NEW.code)
        ELSE replace(l.name, ' ', '') = replace(NEW.name, ' ', '') END);
END;

-- Rows of a member are numbered on, so that the next one always has a number.
CREATE TRIGGER fund_distribution_return_counts_on BEFORE INSERT ON fund_distribution_return BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution_return') WHERE NEW.return_no IS NOT 1 + (
    SELECT coalesce(max(r.return_no), 0) FROM fund_distribution_return r
    WHERE r.institution_id = NEW.institution_id AND r.distribution_id = NEW.distribution_id);
END;
CREATE TRIGGER fund_distribution_use_counts_on BEFORE INSERT ON fund_distribution_use BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution_use') WHERE NEW.use_no IS NOT 1 + (
    SELECT coalesce(max(u.use_no), 0) FROM fund_distribution_use u
    WHERE u.institution_id = NEW.institution_id AND u.distribution_id = NEW.distribution_id);
END;
CREATE TRIGGER fund_claim_payment_counts_on BEFORE INSERT ON fund_claim_payment BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_claim_payment') WHERE NEW.payment_no IS NOT 1 + (
    SELECT coalesce(max(c.payment_no), 0) FROM fund_claim_payment c
    WHERE c.institution_id = NEW.institution_id AND c.distribution_id = NEW.distribution_id);
END;

-- What is said of lines that couldn't be taken, and why an entry is corrected, says something; and such lines are there.
CREATE TRIGGER fund_rejection_explained_says BEFORE INSERT ON fund_rejection_explained BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_rejection_explained') WHERE UNSEEN(NEW.ground)
    OR NOT EXISTS (SELECT 1 FROM fund_statement_rejection r WHERE r.institution_id = NEW.institution_id
      AND r.statement_id = NEW.statement_id);
END;
CREATE TRIGGER fund_correction_says BEFORE INSERT ON fund_correction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_correction') WHERE UNSEEN(NEW.ground);
END;

-- An application that is filed again rests on a decision of its own that was given, and is withheld on no new ground.
CREATE TRIGGER fund_grant_is_decided BEFORE UPDATE OF state ON fund_grant
WHEN OLD.state = 'declined' AND NEW.state = 'applied' BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE
    (NEW.withheld_ground = '' OR NEW.withheld_ground = OLD.withheld_ground) IS NOT 1
    OR NOT EXISTS (SELECT 1 FROM decision d WHERE d.institution_id = NEW.institution_id
      AND d.decision_id = NEW.decision_id AND d.outcome <> 'refused')
    OR EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
      AND g.decision_id = NEW.decision_id AND g.grant_id <> NEW.grant_id);
END;
