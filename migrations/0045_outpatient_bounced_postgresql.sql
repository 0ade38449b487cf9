-- What the hospital owes a patient: money that the bank sent back after the treasury gave it, or was asked for it.
CREATE FUNCTION outpatient_owed_fen(p_institution text, p_claim text) RETURNS bigint LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT coalesce((SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = p_institution
    AND a.account_id = '2307:refund:' || p_claim), 0)
$$;
CREATE FUNCTION outpatient_is_applied_for(p_institution text, p_claim text) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_advance_line a JOIN outpatient_advance_list l USING (institution_id, list_no)
    WHERE a.institution_id = p_institution AND a.claim_id = p_claim AND a.counts
      AND l.state IN ('submitted', 'reimbursed'))
$$;
CREATE FUNCTION outpatient_owed_opens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f WHERE f.account_id LIKE '2307:refund:%' AND (f.subject = '2307'
      AND f.normal_side = -1 AND f.guarded AND f.ceiling_fen IS NULL AND f.fund = ''
      AND EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = f.institution_id
        AND c.claim_id = substr(f.account_id, 13) AND c.remitted)) IS NOT TRUE) THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_owed_opens AFTER INSERT ON ledger_account
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_owed_opens();

-- It comes from an advance that arrived by the bank, is applied for and stands, or from what was paid of it and came
-- back; it goes to the patient, past the same three people. Always the whole claim: the balance is that or nothing.
CREATE FUNCTION outpatient_owed_line_stands(
  p_institution text, p_claim text, p_debit bigint, p_credit bigint, p_kind text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = p_institution AND c.claim_id = p_claim
    AND c.remitted AND CASE p_kind
      WHEN 'outpatient_repaid' THEN c.amount_fen = p_debit AND c.state IN ('confirmed', 'sent')
      WHEN 'outpatient_owed' THEN c.amount_fen = p_credit AND c.state = 'arrived'
        AND outpatient_owed_fen(p_institution, p_claim) = p_credit
        AND EXISTS (SELECT 1 FROM outpatient_payout p JOIN ledger_entry o USING (institution_id, entry_no)
          WHERE p.institution_id = p_institution AND p.claim_id = p_claim AND p.state = 'arrived' AND p.route <> 'cash'
            AND (o.kind = 'outpatient_repaid' OR (o.kind = 'outpatient_advance'
              AND outpatient_is_applied_for(p_institution, p_claim)))
            AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = o.institution_id
              AND r.reverses_no = o.entry_no))
      ELSE false END)
$$;
CREATE FUNCTION outpatient_owed_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f WHERE f.account_id LIKE '2307:refund:%') THEN
    IF EXISTS (SELECT 1 FROM fresh f JOIN ledger_entry e USING (institution_id, entry_no)
      WHERE f.account_id LIKE '2307:refund:%' AND (e.reverses_no IS NULL
        AND e.source = 'outpatient_claim:' || substr(f.account_id, 13)
        AND outpatient_owed_line_stands(f.institution_id, substr(f.account_id, 13), f.debit_fen, f.credit_fen, e.kind))
          IS NOT TRUE) THEN
      RAISE EXCEPTION 'outpatient: ledger_posting' USING ERRCODE = 'HP008';
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_owed_stands AFTER INSERT ON ledger_posting
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION outpatient_owed_stands();
CREATE FUNCTION outpatient_owed_names_it() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF 1 <> (SELECT count(*) FROM ledger_posting p WHERE p.institution_id = NEW.institution_id
      AND p.entry_no = NEW.entry_no AND p.account_id LIKE '2307:refund:%') THEN
    RAISE EXCEPTION 'outpatient: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_owed_names_it AFTER INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind IN ('outpatient_owed', 'outpatient_repaid')) EXECUTE FUNCTION outpatient_owed_names_it();

-- Who posts any of it holds the claim for that. What the treasury was asked for comes back by no red letter.
CREATE OR REPLACE FUNCTION outpatient_payment_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NEW.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_owed', 'outpatient_repaid') THEN
    PERFORM 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
      AND c.claim_id = substr(NEW.source, 18) FOR NO KEY UPDATE;
    RETURN NEW;
  END IF;
  IF NEW.kind = 'outpatient_deposit_voided' OR NOT EXISTS (SELECT 1 FROM outpatient_payout p
      WHERE p.institution_id = NEW.institution_id AND p.claim_id = substr(NEW.source, 18)
        AND p.entry_no = NEW.reverses_no AND p.route <> 'cash' AND p.state = 'arrived')
    OR (NEW.kind = 'outpatient_advance_returned' AND (outpatient_is_applied_for(NEW.institution_id,
        substr(NEW.source, 18)) OR outpatient_owed_fen(NEW.institution_id, substr(NEW.source, 18)) > 0)) THEN
    RAISE EXCEPTION 'outpatient: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER outpatient_payment_stands ON ledger_entry;
CREATE TRIGGER outpatient_payment_stands BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_refund_returned',
    'outpatient_advance_returned', 'outpatient_deposit_voided', 'outpatient_owed', 'outpatient_repaid'))
  EXECUTE FUNCTION outpatient_payment_stands();

-- Money that stands in the books for a claim holds it. What is owed on it goes on, and is never withdrawn.
CREATE OR REPLACE FUNCTION outpatient_claim_is_not_paid() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF (NEW.state IN ('withdrawn', 'rejected') OR outpatient_owed_fen(NEW.institution_id, NEW.claim_id) <> NEW.amount_fen)
    AND EXISTS (SELECT 1 FROM ledger_entry e
      WHERE e.institution_id = NEW.institution_id AND e.source = 'outpatient_claim:' || NEW.claim_id
        AND e.kind IN ('outpatient_advance', 'outpatient_refund')
        AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = e.institution_id
          AND r.reverses_no = e.entry_no)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- What is paid beyond what the treasury has is the hospital's own cost: whoever confirms it wrote why, after the last
-- review, of what was noticed about it.
CREATE FUNCTION outpatient_claim_beyond() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NEW.amount_fen > (SELECT coalesce(sum(l.balance_fen), 0) FROM outpatient_batch_line l
      JOIN outpatient_batch b USING (institution_id, batch_no)
      WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no
        AND b.state IN ('approved', 'booked', 'remitted'))
    AND NOT EXISTS (SELECT 1 FROM outpatient_alarm_answer w WHERE w.institution_id = NEW.institution_id
      AND w.claim_id = NEW.claim_id AND w.answered_by = NEW.confirmed_by AND w.answered_at >= NEW.reviewed_at
      AND w.alarms >= (SELECT min(a.alarm_no) FROM outpatient_alarm a WHERE a.institution_id = NEW.institution_id
        AND a.claim_id = NEW.claim_id AND a.kind = 'beyond')) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_beyond BEFORE UPDATE ON outpatient_claim FOR EACH ROW
  WHEN (NEW.state = 'confirmed' AND NEW.remitted) EXECUTE FUNCTION outpatient_claim_beyond();

-- The bank said two things of one attempt: open until another person than read the second decides which it is.
CREATE FUNCTION outpatient_contradiction_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.decision = '' AND NEW.ground = '' AND NEW.contradiction_no = 1 + (SELECT count(*)
          FROM outpatient_contradiction o WHERE o.institution_id = NEW.institution_id AND o.claim_id = NEW.claim_id)
        AND EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
          AND p.claim_id = NEW.claim_id AND p.attempt_no = NEW.attempt_no AND p.route <> 'cash'
          AND p.state = CASE NEW.told WHEN 'arrived' THEN 'failed' ELSE 'arrived' END)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_contradiction' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.decision = '' AND NEW.decision <> '') IS NOT TRUE
    OR (to_jsonb(NEW) - ARRAY['decision', 'decided_by', 'decided_at', 'ground'])
      <> (to_jsonb(OLD) - ARRAY['decision', 'decided_by', 'decided_at', 'ground']) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_contradiction' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_contradiction_walk BEFORE INSERT OR UPDATE ON outpatient_contradiction
  FOR EACH ROW EXECUTE FUNCTION outpatient_contradiction_walk();
CREATE TRIGGER outpatient_contradiction_is_kept BEFORE DELETE OR TRUNCATE ON outpatient_contradiction
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outpatient_contradiction_by_another BEFORE UPDATE OF decided_by ON outpatient_contradiction
  FOR EACH ROW EXECUTE FUNCTION second_person('decided_by', 'raised_by');

-- Until then nothing more is paid of the claim, and it isn't given up, so that no other takes its place.
CREATE FUNCTION outpatient_is_contradicted(p_institution text, p_claim text) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_contradiction o WHERE o.institution_id = p_institution
    AND o.claim_id = p_claim AND o.decision = '')
$$;
CREATE FUNCTION outpatient_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF outpatient_is_contradicted(NEW.institution_id, NEW.claim_id) THEN
    RAISE EXCEPTION 'wrong_step: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_held BEFORE INSERT ON outpatient_payout FOR EACH ROW EXECUTE FUNCTION outpatient_held();
CREATE TRIGGER outpatient_held BEFORE UPDATE ON outpatient_claim FOR EACH ROW
  WHEN (NEW.state IN ('withdrawn', 'rejected')) EXECUTE FUNCTION outpatient_held();

-- An attempt that failed waits again, and arrives, where somebody decided that the bank paid it after all.
CREATE FUNCTION outpatient_paid_after_all(p_institution text, p_claim text, p_attempt integer) RETURNS boolean
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_contradiction o WHERE o.institution_id = p_institution
    AND o.claim_id = p_claim AND o.attempt_no = p_attempt AND o.told = 'arrived' AND o.decision = 'paid')
$$;
CREATE OR REPLACE FUNCTION outpatient_payout_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.attempt_no = 1 + (SELECT count(*) FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
        AND p.claim_id = NEW.claim_id)
      AND NEW.state IN ('sent', 'arrived') AND (NEW.state = 'arrived') = (NEW.route = 'cash')
      AND EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
        AND c.claim_id = NEW.claim_id AND c.state IN ('confirmed', 'failed') AND c.route = NEW.route
        AND c.amount_fen = NEW.amount_fen)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF ((OLD.state, NEW.state) IN (('sent', 'arrived'), ('sent', 'failed'), ('arrived', 'returned'),
        ('failed', 'sent'))) IS NOT TRUE
    OR (NEW.state = 'sent' AND (NEW.answered_at IS NULL OR NEW.bank_reference <> OLD.bank_reference
      OR NOT outpatient_paid_after_all(NEW.institution_id, NEW.claim_id, NEW.attempt_no)
      OR NOT EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
        AND c.claim_id = NEW.claim_id AND c.state IN ('failed', 'confirmed'))))
    OR (NEW.institution_id, NEW.claim_id, NEW.attempt_no, NEW.route, NEW.file_no, NEW.amount_fen, NEW.sent_by,
        NEW.sent_at) IS DISTINCT FROM (OLD.institution_id, OLD.claim_id, OLD.attempt_no, OLD.route, OLD.file_no,
        OLD.amount_fen, OLD.sent_by, OLD.sent_at)
    OR (OLD.entry_no IS NOT NULL AND NEW.entry_no IS DISTINCT FROM OLD.entry_no) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- Whoever reviews a batch is somebody who reviews refunds.
CREATE FUNCTION outpatient_batch_reviewer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.reviewed_by AND u.is_active AND (strpos(u.roles, '"finance_officer"') > 0
        OR strpos(u.roles, '"finance_approver"') > 0)) THEN
    RAISE EXCEPTION 'second_person: outpatient_batch_review' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_batch_reviewer BEFORE INSERT ON outpatient_batch_review
  FOR EACH ROW EXECUTE FUNCTION outpatient_batch_reviewer();
