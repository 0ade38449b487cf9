-- Returns and applications on SQLite: the same promises as beside it for PostgreSQL.

-- One region has one spelling (narrow, no blanks, whatever its case), a prepayment for all funds stands alone, its year
-- is the one that runs or in December the next, and where the notice bars it nothing of an earlier year is owed. The
-- places with that bar are those whose pack has it: a test holds the two lists together.
CREATE TRIGGER fund_grant_stands_alone BEFORE INSERT ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE
    NEW.pool_region = '' OR NEW.pool_region GLOB '*[' || char(9, 10, 11, 12, 13, 32, 133, 160, 5760, 8232, 8233, 8239,
      8287, 12288, 65279) || char(8192) || '-' || char(8207) || char(65281) || '-' || char(65374) || ']*'
    OR (NEW.year <= CAST(strftime('%Y', NEW.applied_at, '+8 hours') AS INTEGER)
        + (NEW.kind = 'procurement' OR strftime('%m', NEW.applied_at, '+8 hours') = '12')) IS NOT 1
    OR (NEW.kind = 'basic' AND NEW.year < CAST(strftime('%Y', NEW.applied_at, '+8 hours') AS INTEGER))
    OR EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
      AND g.kind = NEW.kind AND g.year = NEW.year AND lower(g.pool_region) = lower(NEW.pool_region)
      AND (g.fund = NEW.fund OR (g.state <> 'declined' AND NEW.kind = 'basic' AND 'all' IN (g.fund, NEW.fund))))
    OR (NEW.kind = 'basic' AND NEW.regime IN ('xizang-prepay-2024', 'zhejiang-prepay-2025') AND EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
        AND g.kind = 'basic' AND g.state = 'received' AND g.year < NEW.year));
END;

-- An offset rests on the settlement with its document, day and, of what reached the bank, its slip; a document stands
-- once, whatever the grant. It is recorded by one and decided by another.
CREATE TRIGGER fund_offset_insert BEFORE INSERT ON fund_offset BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_offset') WHERE NEW.state IS NOT 'recorded' OR NEW.decided_by IS NOT NULL
    OR (NEW.offset_fen > 0 AND NEW.offset_fen <= NEW.settlement_fen AND length(NEW.document_key) > 0
      AND (NEW.offset_fen = NEW.settlement_fen OR length(NEW.bank_reference) > 0)) IS NOT 1
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.recorded_by)
    OR EXISTS (SELECT 1 FROM fund_offset o WHERE o.institution_id IS NEW.institution_id AND (o.offset_id IS NEW.offset_id
      OR (o.document_key = NEW.document_key AND o.state <> 'rejected'
        AND NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_entry r
          ON r.institution_id = e.institution_id AND r.reverses_no = e.entry_no
          WHERE e.institution_id = o.institution_id AND e.source = 'fund_offset:' || o.offset_id))));
END;

CREATE TRIGGER fund_offset_walk BEFORE UPDATE ON fund_offset BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_offset') WHERE
    (OLD.state = 'recorded' AND NEW.state IN ('confirmed', 'rejected') AND NEW.decided_at IS NOT NULL) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.offset_id IS NOT OLD.offset_id
    OR NEW.grant_id IS NOT OLD.grant_id OR NEW.settlement_fen IS NOT OLD.settlement_fen
    OR NEW.offset_fen IS NOT OLD.offset_fen OR NEW.document IS NOT OLD.document
    OR NEW.document_key IS NOT OLD.document_key OR NEW.bank_reference IS NOT OLD.bank_reference
    OR NEW.value_on IS NOT OLD.value_on OR NEW.recorded_by IS NOT OLD.recorded_by
    OR NEW.recorded_at IS NOT OLD.recorded_at;
  SELECT RAISE(ABORT, 'second_person: fund_offset') WHERE NEW.decided_by IS NULL
    OR lower(trim(NEW.decided_by)) = lower(trim(NEW.recorded_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by);
END;

-- What is owed falls against the receivable only by a confirmed offset, once, by its sums.
CREATE TRIGGER ledger_entry_fund_offset BEFORE INSERT ON ledger_entry WHEN NEW.reverses_no IS NULL BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM (
      SELECT max(l.fund) AS fund, sum(a.fund <> '') AS restricted, sum(a.subject = '12120201') AS received_lines,
        sum(CASE WHEN a.subject = '12120201' THEN l.credit_fen - l.debit_fen ELSE 0 END) AS received,
        sum(CASE WHEN a.subject = '23050101' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS fall
      FROM ledger_posting l JOIN ledger_account a
        ON a.institution_id = l.institution_id AND a.account_id = l.account_id
      WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no) q
    WHERE q.restricted > 0 AND q.received_lines > 0 AND (
      NOT EXISTS (SELECT 1 FROM fund_offset o WHERE o.institution_id = NEW.institution_id
        AND 'fund_offset:' || o.offset_id = NEW.source AND NEW.kind = 'fund_offset' AND o.state = 'confirmed'
        AND o.grant_id = q.fund AND o.settlement_fen = q.received AND o.offset_fen = q.fall)
      OR EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.source = NEW.source AND e.kind = 'fund_offset')));
END;

-- A correction is asked for by one and approved by another; of each entry once.
CREATE TRIGGER fund_correction_insert BEFORE INSERT ON fund_correction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_correction') WHERE NEW.state IS NOT 'asked' OR NEW.decided_by IS NOT NULL
    OR (length(NEW.ground) > 0 AND ((NEW.why = 'mistyped' AND NEW.value_on IS NULL)
      OR (NEW.why = 'sent_back' AND NEW.value_on IS NOT NULL AND length(NEW.bank_reference) > 0))) IS NOT 1
    OR NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.asked_by)
    OR NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_posting l
      ON l.institution_id = e.institution_id AND l.entry_no = e.entry_no AND l.fund = NEW.grant_id
      WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND (e.kind = 'fund_return'
        OR (NEW.why = 'mistyped' AND e.kind IN ('fund_receipt', 'fund_offset'))))
    OR EXISTS (SELECT 1 FROM fund_correction c WHERE c.institution_id IS NEW.institution_id
      AND (c.correction_id IS NEW.correction_id OR (c.entry_no = NEW.entry_no AND c.state <> 'rejected')));
END;

CREATE TRIGGER fund_correction_walk BEFORE UPDATE ON fund_correction BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_correction') WHERE
    (OLD.state = 'asked' AND NEW.state IN ('approved', 'rejected') AND NEW.decided_at IS NOT NULL) IS NOT 1
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.correction_id IS NOT OLD.correction_id
    OR NEW.grant_id IS NOT OLD.grant_id OR NEW.entry_no IS NOT OLD.entry_no OR NEW.why IS NOT OLD.why
    OR NEW.ground IS NOT OLD.ground OR NEW.bank_reference IS NOT OLD.bank_reference
    OR NEW.value_on IS NOT OLD.value_on OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at;
  SELECT RAISE(ABORT, 'second_person: fund_correction') WHERE NEW.decided_by IS NULL
    OR lower(trim(NEW.decided_by)) = lower(trim(NEW.asked_by)) OR NOT EXISTS (SELECT 1 FROM staff_user u
      WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.decided_by);
END;

-- Receipt, return and offset are mirrored by an approved correction and by nothing else.
CREATE TRIGGER ledger_entry_fund_corrects BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE (NEW.kind IN ('fund_receipt_undone', 'fund_return_undone',
      'fund_offset_undone') OR EXISTS (SELECT 1 FROM ledger_entry o WHERE o.institution_id = NEW.institution_id
        AND o.entry_no = NEW.reverses_no AND o.kind IN ('fund_receipt', 'fund_return', 'fund_offset')))
    AND NOT EXISTS (SELECT 1 FROM fund_correction c JOIN ledger_entry o
      ON o.institution_id = c.institution_id AND o.entry_no = c.entry_no
      WHERE c.institution_id = NEW.institution_id AND 'fund_correction:' || c.correction_id = NEW.source
        AND c.entry_no = NEW.reverses_no AND c.state = 'approved' AND NEW.kind = o.kind || '_undone');
END;

-- A slip's number stands for one movement of the institution. What mirrors an entry may repeat that one's number, and
-- the number of an entry that was typed wrongly is free again; not so of money that the bank sent back.
CREATE TRIGGER fund_bank_evidence_insert BEFORE INSERT ON fund_bank_evidence BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_bank_evidence') WHERE NOT EXISTS (SELECT 1 FROM ledger_entry e
    WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND e.kind = NEW.kind)
    OR EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id IS NEW.institution_id
      AND b.entry_no IS NEW.entry_no)
    OR EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = NEW.institution_id
      AND b.reference = NEW.reference
      AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
        AND e.entry_no = NEW.entry_no AND e.reverses_no = b.entry_no)
      AND NOT EXISTS (SELECT 1 FROM ledger_entry e JOIN fund_correction c
        ON c.institution_id = e.institution_id AND 'fund_correction:' || c.correction_id = e.source
        WHERE e.institution_id = NEW.institution_id AND e.reverses_no = b.entry_no AND c.why = 'mistyped'));
END;

CREATE TRIGGER fund_slip_check_insert BEFORE INSERT ON fund_slip_check BEGIN
  SELECT RAISE(ABORT, 'second_person: fund_slip_check') WHERE NOT EXISTS (
    SELECT 1 FROM fund_bank_evidence b JOIN staff_user u
      ON u.institution_id = b.institution_id AND u.user_id = NEW.checked_by
    WHERE b.institution_id = NEW.institution_id AND b.entry_no = NEW.entry_no AND b.kind = 'fund_return'
      AND lower(trim(b.recorded_by)) <> lower(trim(NEW.checked_by)))
    OR length(NEW.document) = 0 OR EXISTS (SELECT 1 FROM fund_slip_check c
      WHERE c.institution_id IS NEW.institution_id AND c.entry_no IS NEW.entry_no);
END;

-- As in 0007; beside that a grant whose receipt was taken back waits for it again, and one that is owed again goes on.
CREATE TRIGGER fund_grant_walk BEFORE UPDATE ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE
    NOT ((OLD.state = 'applied' AND NEW.state IN ('approved', 'declined'))
      OR (OLD.state = 'approved' AND NEW.state IN ('withheld', 'received'))
      OR (OLD.state = 'withheld' AND NEW.state = 'approved') OR (OLD.state = 'received' AND NEW.state = 'cleared')
      OR (OLD.state = 'received' AND NEW.state = 'approved' AND NOT EXISTS (SELECT 1 FROM ledger_account a
          WHERE a.institution_id = NEW.institution_id AND a.fund = NEW.grant_id AND a.balance_fen <> 0)
        AND (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
            AND e.kind = 'fund_receipt' AND e.source = 'grant:' || NEW.grant_id)
          = (SELECT count(*) FROM ledger_entry e JOIN fund_correction c ON c.institution_id = e.institution_id
            AND 'fund_correction:' || c.correction_id = e.source
            WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_receipt_undone'
              AND c.grant_id = NEW.grant_id))
      OR (OLD.state = 'cleared' AND NEW.state = 'received' AND NEW.cleared_at IS NULL
        AND EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
          AND a.account_id = '23050101:' || NEW.grant_id AND a.balance_fen > 0)))
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.grant_id IS NOT OLD.grant_id
    OR NEW.regime IS NOT OLD.regime OR NEW.pool_region IS NOT OLD.pool_region OR NEW.fund IS NOT OLD.fund
    OR NEW.year IS NOT OLD.year OR NEW.kind IS NOT OLD.kind OR NEW.applied_fen IS NOT OLD.applied_fen
    OR NEW.decision_id IS NOT OLD.decision_id OR NEW.applied_by IS NOT OLD.applied_by
    OR NEW.applied_at IS NOT OLD.applied_at
    OR (OLD.state <> 'applied' AND (NEW.approved_fen IS NOT OLD.approved_fen
      OR NEW.approved_on IS NOT OLD.approved_on OR NEW.recorded_by IS NOT OLD.recorded_by))
    OR (NEW.state = 'cleared' AND EXISTS (SELECT 1 FROM ledger_account a
      WHERE a.institution_id = NEW.institution_id AND a.fund = NEW.grant_id AND a.balance_fen <> 0));
END;
