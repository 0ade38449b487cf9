-- The same promises as beside it for PostgreSQL; those of the table that was built anew are made again with it.
CREATE TRIGGER fund_evidence_insert BEFORE INSERT ON fund_evidence BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_evidence') WHERE NOT EXISTS (
    SELECT 1 FROM fund_request r WHERE r.institution_id = NEW.institution_id AND r.request_id = NEW.request_id
      AND r.state IN ('paid', 'evidenced'))
    OR EXISTS (SELECT 1 FROM fund_evidence v WHERE v.institution_id IS NEW.institution_id
      AND v.request_id IS NEW.request_id AND v.line_no IS NEW.line_no AND v.invoice_no IS NEW.invoice_no
      AND v.attempt IS NEW.attempt);
END;

CREATE TRIGGER fund_evidence_by_somebody BEFORE INSERT ON fund_evidence BEGIN
  SELECT RAISE(ABORT, 'maker: fund_evidence') WHERE NOT EXISTS (SELECT 1 FROM staff_user p
    WHERE p.institution_id = NEW.institution_id AND p.user_id = NEW.recorded_by);
END;

-- An invoice proves lines of one request, each of them once: recorded again, in other letters or with blanks, dashes,
-- dots or strokes, it is the same supplier's same invoice. What bounced, was given back or was withdrawn frees it.
CREATE TRIGGER fund_evidence_once BEFORE INSERT ON fund_evidence BEGIN
  SELECT RAISE(ABORT, 'invoice_used: fund_evidence') WHERE EXISTS (
    SELECT 1 FROM fund_request mine
      JOIN fund_request other ON other.institution_id = mine.institution_id
        AND other.payee_credit_code = mine.payee_credit_code AND other.state IN ('paid', 'evidenced')
      JOIN fund_evidence_standing v ON v.institution_id = other.institution_id AND v.request_id = other.request_id
    WHERE mine.institution_id = NEW.institution_id AND mine.request_id = NEW.request_id
      AND (v.request_id <> NEW.request_id OR v.line_no = NEW.line_no)
      AND upper(replace(replace(replace(replace(v.invoice_no, ' ', ''), '-', ''), '.', ''), '/', ''))
        = upper(replace(replace(replace(replace(NEW.invoice_no, ' ', ''), '-', ''), '.', ''), '/', '')));
END;

-- Withdrawn is an invoice that is there, once, while its payment stands, by somebody of the house and with a ground.
CREATE TRIGGER fund_evidence_withdrawn_joins BEFORE INSERT ON fund_evidence_withdrawn BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_evidence_withdrawn') WHERE EXISTS (SELECT 1 FROM fund_evidence_withdrawn w
    WHERE w.institution_id IS NEW.institution_id AND w.request_id IS NEW.request_id AND w.line_no IS NEW.line_no
      AND w.invoice_no IS NEW.invoice_no AND w.attempt IS NEW.attempt);
  SELECT RAISE(ABORT, 'wrong_step: fund_evidence_withdrawn') WHERE length(trim(NEW.ground)) IS NULL
    OR length(trim(NEW.ground)) = 0 OR NOT EXISTS (
    SELECT 1 FROM fund_evidence v JOIN fund_request r
      ON r.institution_id = v.institution_id AND r.request_id = v.request_id AND r.state IN ('paid', 'evidenced')
    WHERE v.institution_id = NEW.institution_id AND v.request_id = NEW.request_id AND v.line_no = NEW.line_no
      AND v.invoice_no = NEW.invoice_no AND v.attempt = NEW.attempt AND v.recorded_at <= NEW.withdrawn_at);
  SELECT RAISE(ABORT, 'maker: fund_evidence_withdrawn') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.withdrawn_by);
END;

-- In the same step a request that was complete waits for its invoices again: none stands as complete that isn't.
CREATE TRIGGER fund_evidence_withdrawn_reopens AFTER INSERT ON fund_evidence_withdrawn BEGIN
  UPDATE fund_request SET state = 'paid' WHERE institution_id = NEW.institution_id
    AND request_id = NEW.request_id AND state = 'evidenced';
END;

-- As in 0008, but for a request that goes back to it: nothing is paid by that.
CREATE TRIGGER fund_request_while_recalled BEFORE UPDATE ON fund_request
WHEN NEW.state IN ('reserved', 'paid') AND NEW.state IS NOT OLD.state AND OLD.state IS NOT 'evidenced' BEGIN
  SELECT RAISE(ABORT, 'recall_stands: fund_request') WHERE EXISTS (SELECT 1 FROM fund_grant g
    JOIN fund_recall r ON r.institution_id = g.institution_id AND r.regime = g.regime AND r.state = 'standing'
    WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id);
END;

-- As in 0017; and a request is complete if and only if invoices that stand prove all of each line.
CREATE TRIGGER fund_request_walk BEFORE UPDATE ON fund_request BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_request') WHERE
    NOT ((OLD.state = 'asked' AND NEW.state IN ('department', 'rejected'))
      OR (OLD.state = 'department' AND NEW.state IN ('reserved', 'rejected'))
      OR (OLD.state = 'reserved' AND NEW.state IN ('paid', 'released'))
      OR (OLD.state = 'paid' AND NEW.state = 'evidenced')
      OR (OLD.state = 'evidenced' AND NEW.state = 'paid')
      OR (OLD.state IN ('paid', 'evidenced') AND NEW.state = 'released'))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.request_id IS NOT OLD.request_id
    OR NEW.grant_id IS NOT OLD.grant_id OR NEW.payee_name IS NOT OLD.payee_name
    OR NEW.payee_credit_code IS NOT OLD.payee_credit_code OR NEW.purpose IS NOT OLD.purpose
    OR NEW.total_fen IS NOT OLD.total_fen OR NEW.decision_id IS NOT OLD.decision_id OR NEW.held IS NOT OLD.held
    OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at
    OR (OLD.department_by IS NOT NULL AND (NEW.department_by IS NOT OLD.department_by
      OR NEW.ground IS NOT OLD.ground OR NEW.grounded_by IS NOT OLD.grounded_by))
    OR (OLD.finance_by IS NOT NULL AND NEW.finance_by IS NOT OLD.finance_by)
    OR (OLD.paid_by IS NOT NULL AND (NEW.paid_by IS NOT OLD.paid_by
      OR NEW.bank_reference IS NOT OLD.bank_reference))
    OR (NEW.state NOT IN ('rejected', 'released') AND (
      SELECT sum(l.amount_fen) = NEW.total_fen AND min(l.outcome <> 'refused') = 1
        AND max(l.outcome = 'held') = NEW.held
      FROM fund_request_line l WHERE l.institution_id = NEW.institution_id AND l.request_id = NEW.request_id)
      IS NOT 1)
    OR (NEW.state = 'paid' AND NOT EXISTS (SELECT 1 FROM ledger_entry e
      WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_payment'
        AND e.source = 'fund_request:' || NEW.request_id))
    OR ('evidenced' IN (OLD.state, NEW.state) AND NEW.state IN ('paid', 'evidenced')
      AND (NEW.state = 'paid') <> EXISTS (SELECT 1 FROM fund_request_line l
        WHERE l.institution_id = NEW.institution_id AND l.request_id = NEW.request_id
          AND l.amount_fen > (SELECT coalesce(sum(v.amount_fen), 0) FROM fund_evidence_standing v
            WHERE v.institution_id = l.institution_id AND v.request_id = l.request_id AND v.line_no = l.line_no)));
END;

-- As in 0021, and of what a member paid back of the claim on it, which carries no grant: its distribution names it.
CREATE TRIGGER fund_correction_insert BEFORE INSERT ON fund_correction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_correction') WHERE NEW.state IS NOT 'asked' OR NEW.decided_by IS NOT NULL
    OR (length(NEW.ground) > 0 AND ((NEW.why = 'mistyped' AND NEW.value_on IS NULL)
      OR (NEW.why = 'sent_back' AND NEW.value_on IS NOT NULL AND length(NEW.bank_reference) > 0))) IS NOT 1
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.asked_by)
    OR NOT (EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_posting l
      ON l.institution_id = e.institution_id AND l.entry_no = e.entry_no AND l.fund = NEW.grant_id
      WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND (e.kind = 'fund_return'
        OR (NEW.why = 'mistyped' AND e.kind IN ('fund_receipt', 'fund_offset'))))
      OR (NEW.why = 'mistyped' AND EXISTS (SELECT 1 FROM ledger_entry e JOIN fund_distribution d
        ON d.institution_id = e.institution_id AND 'fund_distribution:' || d.distribution_id = e.source
        WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND e.kind = 'fund_claim_repaid'
          AND d.grant_id = NEW.grant_id)))
    OR EXISTS (SELECT 1 FROM fund_correction c WHERE c.institution_id IS NEW.institution_id
      AND (c.correction_id IS NEW.correction_id OR (c.entry_no = NEW.entry_no AND c.state <> 'rejected')));
END;

-- Receipt, return, offset and such a repayment are mirrored by an approved correction and by nothing else.
CREATE TRIGGER ledger_entry_fund_corrects BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE (NEW.kind IN ('fund_receipt_undone', 'fund_return_undone',
      'fund_offset_undone', 'fund_claim_repaid_undone') OR EXISTS (SELECT 1 FROM ledger_entry o
        WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no
          AND o.kind IN ('fund_receipt', 'fund_return', 'fund_offset', 'fund_claim_repaid')))
    AND NOT EXISTS (SELECT 1 FROM fund_correction c JOIN ledger_entry o
      ON o.institution_id = c.institution_id AND o.entry_no = c.entry_no
      WHERE c.institution_id = NEW.institution_id AND 'fund_correction:' || c.correction_id = NEW.source
        AND c.entry_no = NEW.reverses_no AND c.state = 'approved' AND NEW.kind = o.kind || '_undone');
END;
