-- No line joins an entry whose header stands; restricted money is posted to its own accounts, by its own name.
CREATE TRIGGER ledger_posting_insert BEFORE INSERT ON ledger_posting BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_posting') WHERE EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id IS NEW.institution_id AND e.entry_no IS NEW.entry_no)
    OR EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
      AND a.account_id = NEW.account_id
      AND (a.account_id = '23050101' OR (a.fund <> '' AND a.fund IS NOT NEW.fund)));
END;

-- An account begins empty; one of restricted money belongs to an approved grant, one of an outpatient is guarded and
-- stands in the register.
CREATE TRIGGER ledger_account_insert BEFORE INSERT ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE NEW.balance_fen IS NOT 0
    OR coalesce(NEW.ceiling_fen, 0) <> 0
    OR (NEW.fund <> '') IS NOT (NEW.account_id LIKE '1002:earmark:%' OR NEW.account_id LIKE '1002:reserved:%'
      OR NEW.account_id LIKE '23050101:%' OR NEW.account_id LIKE '1218:distributed:%')
    OR (NEW.fund <> '' AND NOT (NEW.guarded AND NEW.ceiling_fen IS NULL
      AND NEW.account_id IN ('1002:earmark:' || NEW.fund, '1002:reserved:' || NEW.fund, '23050101:' || NEW.fund,
        '1218:distributed:' || NEW.fund)
      AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
        AND g.grant_id = NEW.fund AND (g.state = 'approved'
          OR (g.state = 'received' AND NEW.account_id = '1218:distributed:' || NEW.fund)))))
    OR ((substr(NEW.account_id, 1, 9) = '23050102:' OR substr(NEW.account_id, 1, 7) = '230502:'
        OR substr(NEW.account_id, 1, 13) = '1218:advance:')
      AND (NEW.guarded AND NEW.ceiling_fen IS NULL AND NEW.fund = '' AND CASE
        WHEN substr(NEW.account_id, 1, 13) = '1218:advance:' THEN NEW.subject = '1218' AND NEW.normal_side = 1
        ELSE NEW.normal_side = -1 AND NEW.subject = substr(NEW.account_id, 1, instr(NEW.account_id, ':') - 1)
          AND EXISTS (SELECT 1 FROM outpatient_account o WHERE o.institution_id = NEW.institution_id
            AND o.account_no = substr(NEW.account_id, length(NEW.subject) + 2)
            AND (o.kind = 'outpatient_deposit') = (NEW.subject = '23050102')) END) IS NOT 1);
END;

-- A line of restricted money bears its name (ledger_posting_insert): where none does, there is nothing to add up.
CREATE TRIGGER ledger_entry_fund_offset BEFORE INSERT ON ledger_entry WHEN NEW.reverses_no IS NULL AND EXISTS (
  SELECT 1 FROM ledger_posting l WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
    AND l.fund <> '') BEGIN
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

-- Of a number that is there already ask outpatient_account_repeats_insert.
CREATE TRIGGER outpatient_account_insert BEFORE INSERT ON outpatient_account BEGIN
  SELECT RAISE(ABORT, 'wrong_step: outpatient_account') WHERE (NEW.state = 'open'
    AND NEW.unclearable_reason = '' AND NEW.filed_on IS NULL AND NEW.person_id = NEW.account_no
    AND NEW.opening_fen >= 0 AND CASE WHEN NEW.import_no IS NULL THEN NEW.opening_fen = 0 ELSE EXISTS (
      SELECT 1 FROM outpatient_import i WHERE i.institution_id = NEW.institution_id AND i.import_no = NEW.import_no
        AND i.state = 'counted') END) IS NOT 1;
END;
