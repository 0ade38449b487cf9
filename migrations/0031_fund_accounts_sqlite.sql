-- A bank's statement names its account; rows from before stay as they are.
CREATE TRIGGER fund_statement_of_account BEFORE INSERT ON fund_statement BEGIN
  SELECT RAISE(ABORT, 'account: fund_statement') WHERE
    (NEW.kind = 'bank') IS NOT (length(trim(NEW.account)) > 0);
END;

-- Said in turns, counted from 1 without a hole, by people of the house.
CREATE TRIGGER fund_prepay_account_insert BEFORE INSERT ON fund_prepay_account BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_prepay_account') WHERE
    NEW.step_no IS NOT (SELECT 1 + count(*) FROM fund_prepay_account a WHERE a.institution_id = NEW.institution_id)
    OR (length(trim(NEW.account)) > 0 AND length(trim(NEW.ground)) > 0) IS NOT 1;
  SELECT RAISE(ABORT, 'maker: fund_prepay_account') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.named_by);
END;

CREATE TRIGGER fund_quiet_month_insert BEFORE INSERT ON fund_quiet_month BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_quiet_month') WHERE
    NEW.step_no IS NOT (SELECT 1 + count(*) FROM fund_quiet_month q WHERE q.institution_id = NEW.institution_id
      AND q.period = NEW.period AND q.kind = NEW.kind)
    OR NEW.quiet IS NOT (NEW.step_no % 2 = 1)
    OR (NEW.kind IN ('agency', 'bank') AND length(trim(NEW.ground)) > 0) IS NOT 1;
  SELECT RAISE(ABORT, 'maker: fund_quiet_month') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.said_by);
END;

-- A settlement's money has its slip where every other movement's is kept, so that one look holds both.
CREATE TRIGGER fund_settlement_has_its_slip BEFORE INSERT ON fund_settlement WHEN NEW.entry_no IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'slip: fund_settlement') WHERE NOT EXISTS (
    SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = NEW.institution_id AND b.entry_no = NEW.entry_no
      AND b.kind = 'fund_settlement' AND b.as_typed = trim(NEW.bank_reference) AND b.value_on = NEW.paid_on);
END;

-- Settlements from before have no slip there: theirs is looked at beside it.
CREATE TRIGGER fund_bank_evidence_not_settled BEFORE INSERT ON fund_bank_evidence BEGIN
  SELECT RAISE(ABORT, 'slip_used: fund_settlement') WHERE EXISTS (
    SELECT 1 FROM fund_settlement s WHERE s.institution_id = NEW.institution_id AND s.bank_reference <> ''
      AND upper(replace(replace(replace(replace(replace(s.bank_reference, ' ', ''), '-', ''), '.', ''), '/', ''),
        '_', '')) = NEW.reference);
END;

-- The agency's notice of a negative plan stands once for a fund, however it is spelled.
CREATE TRIGGER fund_month_plan_once BEFORE INSERT ON fund_month WHEN NEW.kind = 'negative_plan' BEGIN
  SELECT RAISE(ABORT, 'plan_used: fund_month') WHERE NEW.document_key = '' OR EXISTS (
    SELECT 1 FROM fund_month m WHERE m.institution_id = NEW.institution_id AND m.kind = 'negative_plan'
      AND m.document_key = NEW.document_key
      AND (m.fund = NEW.fund OR m.fund IN ('', 'all') OR NEW.fund IN ('', 'all')));
END;
