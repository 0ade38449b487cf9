-- An account begins empty; one of restricted money belongs to an approved grant, one of an outpatient is guarded and
-- stands in the register. What comes behind '23050101:' is no restricted money: its number needn't be held to patterns.
CREATE TRIGGER ledger_account_insert BEFORE INSERT ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE NEW.balance_fen IS NOT 0
    OR coalesce(NEW.ceiling_fen, 0) <> 0
    OR CASE WHEN NEW.account_id >= '23050101;' AND typeof(NEW.account_id) = 'text' THEN NEW.fund <> ''
      ELSE (NEW.fund <> '') IS NOT (NEW.account_id LIKE '1002:earmark:%' OR NEW.account_id LIKE '1002:reserved:%'
          OR NEW.account_id LIKE '23050101:%' OR NEW.account_id LIKE '1218:distributed:%')
        OR (NEW.fund <> '' AND NOT (NEW.guarded AND NEW.ceiling_fen IS NULL
          AND NEW.account_id IN ('1002:earmark:' || NEW.fund, '1002:reserved:' || NEW.fund, '23050101:' || NEW.fund,
            '1218:distributed:' || NEW.fund)
          AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
            AND g.grant_id = NEW.fund AND (g.state = 'approved'
              OR (g.state = 'received' AND NEW.account_id = '1218:distributed:' || NEW.fund))))) END
    OR CASE
      WHEN NEW.account_id >= '23050102:' AND NEW.account_id < '23050102;' THEN (NEW.guarded
        AND NEW.ceiling_fen IS NULL AND NEW.normal_side = -1 AND NEW.subject = '23050102' AND EXISTS (
          SELECT 1 FROM outpatient_account o WHERE o.institution_id = NEW.institution_id
            AND o.account_no = substr(NEW.account_id, 10) AND o.kind = 'outpatient_deposit')) IS NOT 1
      WHEN NEW.account_id >= '230502:' AND NEW.account_id < '230502;' THEN (NEW.guarded
        AND NEW.ceiling_fen IS NULL AND NEW.normal_side = -1 AND NEW.subject = '230502' AND EXISTS (
          SELECT 1 FROM outpatient_account o WHERE o.institution_id = NEW.institution_id
            AND o.account_no = substr(NEW.account_id, 8) AND o.kind <> 'outpatient_deposit')) IS NOT 1
      WHEN NEW.account_id >= '1218:advance:' AND NEW.account_id < '1218:advance;' THEN (NEW.guarded
        AND NEW.ceiling_fen IS NULL AND NEW.fund = '' AND NEW.subject = '1218' AND NEW.normal_side = 1) IS NOT 1
      ELSE 0 END;
END;
