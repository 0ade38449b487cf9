-- What ties acts of settlement to the books, on SQLite: the same promises as beside it for PostgreSQL.

-- SQLite looks at nothing when a transaction ends but keys. So what must be proved by then stands here: a row is its
-- own parent once it is proved, and the transaction ends no sooner. ``arrears``: the entry moved what a stay owes, and
-- its act stands. ``recall``: the settlement of this entry was recalled, and the red letter is named. ``again``: the
-- slip of this entry has the second way that it is of (0063).
CREATE TABLE proof_due (
  institution_id VARCHAR(12) NOT NULL,
  what VARCHAR(7) NOT NULL,
  entry_no BIGINT NOT NULL,
  proved_no BIGINT,
  CONSTRAINT pk_proof_due PRIMARY KEY (institution_id, what, entry_no),
  CONSTRAINT uq_proof_due__proved UNIQUE (institution_id, what, proved_no),
  CONSTRAINT fk_proof_due__proof_due FOREIGN KEY (institution_id, what, entry_no)
    REFERENCES proof_due (institution_id, what, proved_no) DEFERRABLE INITIALLY DEFERRED
);

CREATE TRIGGER proof_due_insert BEFORE INSERT ON proof_due BEGIN
  SELECT RAISE(ABORT, 'append_only: proof_due') WHERE NEW.proved_no IS NOT NULL
    OR NEW.what NOT IN ('arrears', 'recall', 'again');
END;

CREATE TRIGGER proof_due_walk BEFORE UPDATE ON proof_due BEGIN
  SELECT RAISE(ABORT, 'append_only: proof_due') WHERE NEW.institution_id IS NOT OLD.institution_id
    OR NEW.what IS NOT OLD.what OR NEW.entry_no IS NOT OLD.entry_no OR OLD.proved_no IS NOT NULL
    OR NEW.proved_no IS NOT NEW.entry_no;
  SELECT RAISE(ABORT, 'no_act: ledger_posting') WHERE NEW.what = 'arrears' AND {unexplained};
  SELECT RAISE(ABORT, 'wrong_step: settlement') WHERE NEW.what = 'recall' AND EXISTS (SELECT 1 FROM settlement t
    WHERE t.institution_id = NEW.institution_id AND t.entry_no = NEW.entry_no AND t.recalled_at IS NOT NULL
      AND t.recall_entry_no IS NULL);
END;

CREATE TRIGGER proof_due_no_delete BEFORE DELETE ON proof_due BEGIN
  SELECT RAISE(ABORT, 'append_only: proof_due');
END;

CREATE TRIGGER arrears_line_has_its_act AFTER INSERT ON ledger_posting
  WHEN NEW.account_id >= '12120203:' AND NEW.account_id < '12120203;' BEGIN
  INSERT INTO proof_due (institution_id, what, entry_no)
  SELECT NEW.institution_id, 'arrears', NEW.entry_no WHERE NOT EXISTS (SELECT 1 FROM proof_due d
    WHERE d.institution_id = NEW.institution_id AND d.what = 'arrears' AND d.entry_no = NEW.entry_no);
END;

-- The entry of a settlement that stands is mirrored by nothing.
CREATE TRIGGER settlement_stands BEFORE INSERT ON ledger_entry WHEN NEW.reverses_no IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'settled: ledger_entry') WHERE EXISTS (SELECT 1 FROM settlement t
    WHERE t.institution_id = NEW.institution_id AND t.entry_no = NEW.reverses_no AND t.recalled_at IS NULL);
END;

-- By the end of the transaction a recall names its red letter (settlement_walk holds it to the entry), and with it the
-- discharge isn't settled any more.
CREATE TRIGGER settlement_has_its_red_letter AFTER UPDATE OF recalled_at ON settlement
  WHEN NEW.recalled_at IS NOT NULL AND OLD.recalled_at IS NULL AND NEW.entry_no IS NOT NULL BEGIN
  INSERT INTO proof_due (institution_id, what, entry_no) VALUES (NEW.institution_id, 'recall', NEW.entry_no);
END;

CREATE TRIGGER settlement_red_letter_named AFTER UPDATE OF recall_entry_no ON settlement
  WHEN NEW.recall_entry_no IS NOT NULL BEGIN
  UPDATE proof_due SET proved_no = entry_no WHERE institution_id = NEW.institution_id AND what = 'recall'
    AND entry_no = NEW.entry_no AND proved_no IS NULL;
END;

CREATE TRIGGER settlement_unsettles AFTER UPDATE OF recalled_at ON settlement
  WHEN NEW.recalled_at IS NOT NULL AND NEW.discharged_at IS NOT NULL BEGIN
  UPDATE discharge SET settled_at = NULL WHERE institution_id = NEW.institution_id AND stay_no = NEW.stay_no
    AND discharged_at = NEW.discharged_at AND settled_at IS NOT NULL;
END;

-- A discharge is settled with the document that stands, at its moment or at that in which the money of the stay was
-- known to have arrived, or was fetched; settled it is until the document is recalled.
CREATE TRIGGER discharge_settled BEFORE UPDATE OF settled_at ON discharge
  WHEN NEW.settled_at IS NOT OLD.settled_at BEGIN
  SELECT RAISE(ABORT, 'wrong_step: discharge') WHERE CASE WHEN NEW.settled_at IS NULL THEN EXISTS (
      SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
        AND t.discharged_at = NEW.discharged_at AND t.recalled_at IS NULL)
    ELSE OLD.settled_at IS NOT NULL OR NOT EXISTS (
      SELECT 1 FROM settlement t WHERE t.institution_id = NEW.institution_id AND t.stay_no = NEW.stay_no
        AND t.discharged_at = NEW.discharged_at AND t.recalled_at IS NULL AND (t.settled_at = NEW.settled_at
          OR (t.settled_at < NEW.settled_at AND (EXISTS (SELECT 1 FROM receipt r JOIN refund_arrival a
              ON a.institution_id = r.institution_id AND a.book = r.book AND a.serial = r.serial
            WHERE r.institution_id = t.institution_id AND r.stay_no = t.stay_no AND a.state = 'arrived'
              AND a.known_at = NEW.settled_at)
          OR EXISTS (SELECT 1 FROM unclaimed_deposit u WHERE u.institution_id = t.institution_id
            AND u.stay_no = t.stay_no AND u.state = 'paid' AND u.decided_at = NEW.settled_at)))))
    END;
END;

-- A discharge ends by a message that says so, at its moment, and once the stay isn't discharged at that time any more.
CREATE TRIGGER discharge_begins BEFORE INSERT ON discharge WHEN NEW.ended_at IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'no_message: discharge') WHERE NOT EXISTS (SELECT 1 FROM visit_message m
    WHERE m.institution_id = NEW.institution_id AND m.visit_no = NEW.stay_no AND m.state = 'applied'
      AND m.occurred_at = NEW.ended_at AND m.event IN ('update', CASE NEW.ended_by WHEN 'cancelled'
        THEN 'cancel_discharge' WHEN 'corrected' THEN 'discharge' ELSE 'cancel_admit' END));
END;

CREATE TRIGGER discharge_ends BEFORE UPDATE OF ended_at, ended_by ON discharge
  WHEN NEW.ended_at IS NOT OLD.ended_at OR NEW.ended_by IS NOT OLD.ended_by BEGIN
  SELECT RAISE(ABORT, 'no_message: discharge') WHERE (NEW.ended_at IS NULL) IS NOT EXISTS (SELECT 1 FROM stay s
      WHERE s.institution_id = NEW.institution_id AND s.stay_no = NEW.stay_no AND s.discharged_at = NEW.discharged_at)
    OR (NEW.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM visit_message m
      WHERE m.institution_id = NEW.institution_id AND m.visit_no = NEW.stay_no AND m.state = 'applied'
        AND m.occurred_at = NEW.ended_at AND m.event IN ('update', CASE NEW.ended_by WHEN 'cancelled'
          THEN 'cancel_discharge' WHEN 'corrected' THEN 'discharge' ELSE 'cancel_admit' END)));
END;
