-- What SQLite itself refuses. Postings come first and the header last, so that the header's trigger can sum them;
-- once the header stands, nothing more can join the entry. INSERT OR REPLACE skips delete triggers, hence every
-- table of the books also refuses a key that is already there.

CREATE TRIGGER ledger_entry_insert BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id IS NEW.institution_id AND e.entry_no IS NEW.entry_no);
  SELECT RAISE(ABORT, 'reused_key: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
      AND e.idempotency_key = NEW.idempotency_key);
  SELECT RAISE(ABORT, 'already_reversed: ledger_entry') WHERE NEW.reverses_no IS NOT NULL AND EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id AND e.reverses_no = NEW.reverses_no);
  SELECT RAISE(ABORT, 'append_only: number') WHERE NEW.entry_no IS NOT 1 + (
    SELECT coalesce(max(e.entry_no), 0) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id);
  SELECT RAISE(ABORT, 'unbalanced: line count') WHERE NEW.line_count IS NOT (
    SELECT count(*) FROM ledger_posting p
    WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no);
  SELECT RAISE(ABORT, 'unbalanced: debit and credit differ') WHERE EXISTS (
    SELECT 1 FROM ledger_posting p WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
    GROUP BY p.fund HAVING coalesce(sum(p.debit_fen), -1) <> coalesce(sum(p.credit_fen), -2));
  SELECT RAISE(ABORT, 'no_mirror: ledger_entry') WHERE NEW.reverses_no IS NOT NULL AND (
    NEW.line_count IS NOT (SELECT o.line_count FROM ledger_entry o
      WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no)
    OR EXISTS (
      SELECT p.account_id, p.fund, p.debit_fen, p.credit_fen, count(*) FROM ledger_posting p
      WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no GROUP BY 1, 2, 3, 4
      EXCEPT
      SELECT o.account_id, o.fund, o.credit_fen, o.debit_fen, count(*) FROM ledger_posting o
      WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no GROUP BY 1, 2, 3, 4));
END;

-- A block follows the last one, counts what is there, and covers no number that is still to come.
CREATE TRIGGER ledger_block_insert BEFORE INSERT ON ledger_block BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_block') WHERE EXISTS (
    SELECT 1 FROM ledger_block b WHERE b.institution_id IS NEW.institution_id AND b.block_no IS NEW.block_no)
    OR NEW.block_no IS NOT 1 + (SELECT coalesce(max(b.block_no), 0) FROM ledger_block b
      WHERE b.institution_id = NEW.institution_id)
    OR NEW.first_no IS NOT 1 + (SELECT coalesce(max(b.last_no), 0) FROM ledger_block b
      WHERE b.institution_id = NEW.institution_id)
    OR NEW.previous_hash IS NOT coalesce((SELECT b.block_hash FROM ledger_block b
      WHERE b.institution_id = NEW.institution_id ORDER BY b.block_no DESC LIMIT 1), zeroblob(32))
    OR NEW.last_no > (SELECT max(e.entry_no) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id)
    OR NEW.entry_count IS NOT (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
      AND e.entry_no BETWEEN NEW.first_no AND NEW.last_no);
END;

CREATE TRIGGER ledger_posting_insert BEFORE INSERT ON ledger_posting BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_posting') WHERE EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id IS NEW.institution_id AND e.entry_no IS NEW.entry_no)
    OR EXISTS (SELECT 1 FROM ledger_posting p WHERE p.institution_id IS NEW.institution_id
      AND p.entry_no IS NEW.entry_no AND p.line_no IS NEW.line_no);
END;

CREATE TRIGGER ledger_posting_balance AFTER INSERT ON ledger_posting BEGIN
  UPDATE ledger_account SET balance_fen = balance_fen + normal_side * (NEW.debit_fen - NEW.credit_fen)
  WHERE institution_id = NEW.institution_id AND account_id = NEW.account_id AND guarded;
END;

CREATE TRIGGER ledger_account_insert BEFORE INSERT ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE NEW.balance_fen IS NOT 0
    OR coalesce(NEW.ceiling_fen, 0) <> 0
    OR EXISTS (SELECT 1 FROM ledger_account a
      WHERE a.institution_id IS NEW.institution_id AND a.account_id IS NEW.account_id);
END;

CREATE TRIGGER ledger_account_identity BEFORE UPDATE OF institution_id, account_id, subject, name, normal_side,
  guarded, opened_at ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account');
END;

-- A balance moves only by postings whose header is still to come.
CREATE TRIGGER ledger_account_balance BEFORE UPDATE OF balance_fen ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: balance') WHERE NOT EXISTS (
    SELECT 1 FROM ledger_posting p WHERE p.institution_id = NEW.institution_id AND p.account_id = NEW.account_id
      AND p.entry_no > (SELECT coalesce(max(e.entry_no), 0) FROM ledger_entry e
                        WHERE e.institution_id = NEW.institution_id));
  SELECT RAISE(ABORT, 'below_zero: balance') WHERE OLD.guarded AND NEW.balance_fen < 0;
  SELECT RAISE(ABORT, 'above_ceiling: balance') WHERE NEW.balance_fen > OLD.balance_fen
    AND NEW.balance_fen > coalesce(NEW.ceiling_fen, NEW.balance_fen);
END;

-- The ceiling of a stay's deposits is the cap of its newest stay_cap row, never anything else.
CREATE TRIGGER ledger_account_ceiling BEFORE UPDATE OF ceiling_fen ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ceiling') WHERE NEW.ceiling_fen IS NOT (
    SELECT coalesce(c.cap_fen, 0) FROM stay_cap c
    WHERE c.institution_id = NEW.institution_id AND '23050103:' || c.stay_no = NEW.account_id
    ORDER BY c.version_no DESC LIMIT 1);
END;

CREATE TRIGGER stay_cap_ceiling AFTER INSERT ON stay_cap BEGIN
  UPDATE ledger_account SET ceiling_fen = coalesce(NEW.cap_fen, 0)
  WHERE institution_id = NEW.institution_id AND account_id = '23050103:' || NEW.stay_no;
END;

CREATE TRIGGER stay_cap_insert BEFORE INSERT ON stay_cap BEGIN
  SELECT RAISE(ABORT, 'append_only: stay_cap') WHERE NEW.version_no IS NOT (
    SELECT coalesce(max(c.version_no), 0) + 1 FROM stay_cap c
    WHERE c.institution_id = NEW.institution_id AND c.stay_no = NEW.stay_no);
END;

-- Receipts count on without a gap, and each shows exactly what its entry posted to the stay.
CREATE TRIGGER receipt_insert BEFORE INSERT ON receipt BEGIN
  SELECT RAISE(ABORT, 'append_only: receipt') WHERE EXISTS (
    SELECT 1 FROM receipt r WHERE r.institution_id IS NEW.institution_id
      AND ((r.book IS NEW.book AND r.serial IS NEW.serial) OR r.entry_no IS NEW.entry_no
        OR (NEW.cancels_serial IS NOT NULL AND r.cancels_book IS NEW.cancels_book
            AND r.cancels_serial IS NEW.cancels_serial)))
    OR EXISTS (SELECT 1 FROM receipt r WHERE r.token IS NEW.token);
  SELECT RAISE(ABORT, 'receipt_gap: receipt') WHERE NOT EXISTS (
    SELECT 1 FROM receipt_book b WHERE b.institution_id = NEW.institution_id AND b.book = NEW.book
      AND b.closed_at IS NULL AND b.last_serial = NEW.serial - 1);
  SELECT RAISE(ABORT, 'receipt_mismatch: receipt') WHERE NEW.amount_fen IS NOT (
    SELECT abs(sum(p.credit_fen - p.debit_fen)) FROM ledger_posting p
    WHERE p.institution_id = NEW.institution_id AND p.entry_no = NEW.entry_no
      AND p.account_id = '23050103:' || NEW.stay_no);
END;

CREATE TRIGGER receipt_counts AFTER INSERT ON receipt BEGIN
  UPDATE receipt_book SET last_serial = NEW.serial
  WHERE institution_id = NEW.institution_id AND book = NEW.book;
END;

CREATE TRIGGER receipt_book_update BEFORE UPDATE OF institution_id, book, last_serial ON receipt_book BEGIN
  SELECT RAISE(ABORT, 'receipt_gap: receipt_book') WHERE NEW.institution_id <> OLD.institution_id
    OR NEW.book <> OLD.book OR NEW.last_serial IS NOT OLD.last_serial + 1
    OR NOT EXISTS (SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.book = NEW.book
                   AND r.serial = NEW.last_serial);
END;

CREATE TRIGGER receipt_book_insert BEFORE INSERT ON receipt_book BEGIN
  SELECT RAISE(ABORT, 'append_only: receipt_book') WHERE NEW.last_serial IS NOT 0 OR EXISTS (
    SELECT 1 FROM receipt_book b WHERE b.institution_id IS NEW.institution_id AND b.book IS NEW.book);
END;

-- A cap table walks draft -> approved -> published, or is rejected; what was measured never changes.
CREATE TRIGGER cap_table_insert BEFORE INSERT ON cap_table BEGIN
  SELECT RAISE(ABORT, 'append_only: cap_table') WHERE NEW.state IS NOT 'draft' OR EXISTS (
    SELECT 1 FROM cap_table t WHERE t.institution_id IS NEW.institution_id
      AND (t.table_id IS NEW.table_id OR t.version_no = NEW.version_no));
END;

CREATE TRIGGER cap_table_measured BEFORE UPDATE OF institution_id, table_id, as_of, window_from, window_to,
  parameters, cases_read, cases_used, row_count, rule_version, digest, measured_by, measured_at ON cap_table BEGIN
  SELECT RAISE(ABORT, 'append_only: cap_table');
END;

CREATE TRIGGER cap_table_walk BEFORE UPDATE ON cap_table BEGIN
  SELECT RAISE(ABORT, 'wrong_step: cap_table') WHERE NOT (
    (OLD.state = 'draft' AND NEW.state IN ('approved', 'rejected'))
    OR (OLD.state = 'approved' AND NEW.state IN ('published', 'rejected')));
  SELECT RAISE(ABORT, 'wrong_step: cap_table') WHERE OLD.state = 'approved'
    AND (NEW.approved_by IS NOT OLD.approved_by OR NEW.approved_at IS NOT OLD.approved_at);
END;

CREATE TRIGGER cap_row_insert BEFORE INSERT ON cap_row BEGIN
  SELECT RAISE(ABORT, 'append_only: cap_row') WHERE NOT EXISTS (
    SELECT 1 FROM cap_table t WHERE t.institution_id = NEW.institution_id AND t.table_id = NEW.table_id
      AND t.state = 'draft')
    OR EXISTS (SELECT 1 FROM cap_row r WHERE r.institution_id IS NEW.institution_id
      AND r.table_id IS NEW.table_id AND r.disease_code IS NEW.disease_code
      AND r.insured_class IS NEW.insured_class);
END;

CREATE TRIGGER slip_request_insert BEFORE INSERT ON slip_request BEGIN
  SELECT RAISE(ABORT, 'append_only: slip_request') WHERE NEW.state IS NOT 'waiting' OR EXISTS (
    SELECT 1 FROM slip_request r WHERE r.institution_id IS NEW.institution_id
      AND (r.request_id IS NEW.request_id OR (r.source IS NEW.source AND r.state = 'waiting')));
END;

CREATE TRIGGER slip_request_walk BEFORE UPDATE ON slip_request BEGIN
  SELECT RAISE(ABORT, 'wrong_step: slip_request') WHERE OLD.state IS NOT 'waiting'
    OR NEW.state NOT IN ('approved', 'rejected')
    OR NEW.requested_by IS NOT OLD.requested_by OR NEW.amount_fen IS NOT OLD.amount_fen
    OR NEW.stay_no IS NOT OLD.stay_no OR NEW.kind IS NOT OLD.kind OR NEW.source IS NOT OLD.source
    OR NEW.book IS NOT OLD.book OR NEW.serial IS NOT OLD.serial OR NEW.institution_id IS NOT OLD.institution_id;
END;

CREATE TRIGGER deposit_rules_walk BEFORE UPDATE ON deposit_rules BEGIN
  SELECT RAISE(ABORT, 'wrong_step: deposit_rules') WHERE OLD.approved_by IS NOT NULL
    OR NEW.text IS NOT OLD.text OR NEW.version_no IS NOT OLD.version_no
    OR NEW.written_by IS NOT OLD.written_by OR NEW.effective_on IS NOT OLD.effective_on
    OR NEW.institution_id IS NOT OLD.institution_id;
END;
