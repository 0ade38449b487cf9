-- What the bank paid once too often is owed by whoever has it (1218:overpaid:<claim>:<attempt>): booked where somebody
-- decided that the attempt arrived after all and the refund had arrived otherwise, has ended and its money went, or was
-- taken over since.
CREATE FUNCTION outpatient_paid_twice(p_institution text, p_claim text, p_attempt integer) RETURNS bigint
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT p.amount_fen FROM outpatient_payout p JOIN outpatient_claim c USING (institution_id, claim_id)
  WHERE p.institution_id = p_institution AND p.claim_id = p_claim AND p.attempt_no = p_attempt AND p.state = 'failed'
    AND (c.state IN ('arrived', 'withdrawn', 'rejected') OR (c.state <> 'sent' AND c.accepted_at > p.sent_at))
    AND outpatient_paid_after_all(p_institution, p_claim, p_attempt)
$$;
CREATE FUNCTION outpatient_overpaid_line_stands(
  p_institution text, p_account text, p_debit bigint, p_credit bigint, p_kind text, p_source text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT EXISTS (SELECT 1 FROM ledger_account a
    WHERE a.institution_id = p_institution AND a.account_id = p_account AND a.subject = '1218' AND a.normal_side = 1
      AND a.guarded AND a.ceiling_fen IS NULL AND a.fund = ''
      AND p_source = 'outpatient_claim:' || split_part(p_account, ':', 3)
      AND 1 = (SELECT count(*) FROM ledger_posting l WHERE l.institution_id = p_institution
        AND l.account_id = p_account AND (CASE WHEN p_debit > 0 THEN l.debit_fen ELSE l.credit_fen END) > 0)
      AND outpatient_paid_twice(p_institution, split_part(p_account, ':', 3), split_part(p_account, ':', 4)::integer)
        = p_debit + p_credit
      AND CASE p_kind WHEN 'outpatient_overpaid' THEN p_debit > 0 AND a.balance_fen = p_debit
        WHEN 'outpatient_overpaid_back' THEN p_credit > 0 AND a.balance_fen = 0 ELSE false END)
$$;
CREATE OR REPLACE FUNCTION outpatient_owed_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f WHERE f.account_id LIKE '2307:refund:%' OR f.account_id LIKE '1218:overpaid:%') THEN
    IF EXISTS (SELECT 1 FROM fresh f JOIN ledger_entry e USING (institution_id, entry_no)
      WHERE (f.account_id LIKE '2307:refund:%' AND (e.reverses_no IS NULL
        AND e.source = 'outpatient_claim:' || substr(f.account_id, 13)
        AND outpatient_owed_line_stands(f.institution_id, substr(f.account_id, 13), f.debit_fen, f.credit_fen, e.kind))
          IS NOT TRUE)
      OR (f.account_id LIKE '1218:overpaid:%' AND (e.reverses_no IS NULL AND outpatient_overpaid_line_stands(
        f.institution_id, f.account_id, f.debit_fen, f.credit_fen, e.kind, e.source)) IS NOT TRUE)) THEN
      RAISE EXCEPTION 'outpatient: ledger_posting' USING ERRCODE = 'HP008';
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION outpatient_overpaid_names_it() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF 1 <> (SELECT count(*) FROM ledger_posting p WHERE p.institution_id = NEW.institution_id
      AND p.entry_no = NEW.entry_no AND p.account_id LIKE '1218:overpaid:%') THEN
    RAISE EXCEPTION 'outpatient: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outpatient_overpaid_names_it AFTER INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind IN ('outpatient_overpaid', 'outpatient_overpaid_back'))
  EXECUTE FUNCTION outpatient_overpaid_names_it();

-- It stands with the entry that booked it, by who decided, and is done when the money came back, once.
CREATE FUNCTION outpatient_overpayment_walk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  account text := '1218:overpaid:' || NEW.claim_id || ':' || NEW.attempt_no;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.state = 'owed' AND num_nonnulls(NEW.recovered_by, NEW.recovered_at, NEW.back_entry_no) = 0
        AND NEW.way = '' AND NEW.reference = '' AND NEW.slip_key = ''
        AND NEW.amount_fen = outpatient_paid_twice(NEW.institution_id, NEW.claim_id, NEW.attempt_no)
        AND EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_posting p USING (institution_id, entry_no)
          WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no
            AND e.kind = 'outpatient_overpaid' AND p.account_id = account AND p.debit_fen = NEW.amount_fen)
        AND EXISTS (SELECT 1 FROM outpatient_contradiction o WHERE o.institution_id = NEW.institution_id
          AND o.claim_id = NEW.claim_id AND o.attempt_no = NEW.attempt_no AND o.decision = 'paid'
          AND o.decided_by = NEW.recorded_by)) IS NOT TRUE THEN
      RAISE EXCEPTION 'wrong_step: outpatient_overpayment' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF (OLD.state = 'owed' AND NEW.state = 'recovered' AND NEW.way IN ('cash', 'bank')
      AND length(NEW.reference) BETWEEN 1 AND 64 AND NEW.slip_key ~ '^[A-Z0-9]+$'
      AND num_nonnulls(NEW.recovered_by, NEW.recovered_at) = 2
      AND EXISTS (SELECT 1 FROM ledger_entry e JOIN ledger_posting p USING (institution_id, entry_no)
        WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.back_entry_no
          AND e.kind = 'outpatient_overpaid_back' AND p.account_id = account
          AND p.credit_fen = NEW.amount_fen)) IS NOT TRUE
    OR (to_jsonb(NEW) - ARRAY['state', 'way', 'reference', 'slip_key', 'recovered_by', 'recovered_at', 'back_entry_no'])
      <> (to_jsonb(OLD)
        - ARRAY['state', 'way', 'reference', 'slip_key', 'recovered_by', 'recovered_at', 'back_entry_no']) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_overpayment' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_overpayment_walk BEFORE INSERT OR UPDATE ON outpatient_overpayment
  FOR EACH ROW EXECUTE FUNCTION outpatient_overpayment_walk();
CREATE TRIGGER outpatient_overpayment_is_kept BEFORE DELETE OR TRUNCATE ON outpatient_overpayment
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whoever decides what the bank meant confirms refunds, and didn't send the money.
CREATE FUNCTION outpatient_contradiction_decider() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.decided_by AND u.is_active AND strpos(u.roles, '"finance_approver"') > 0)
    OR EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = NEW.claim_id AND p.attempt_no = NEW.attempt_no
      AND lower(trim(p.sent_by)) = lower(trim(NEW.decided_by))) THEN
    RAISE EXCEPTION 'second_person: outpatient_contradiction' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_contradiction_decider BEFORE UPDATE OF decided_by ON outpatient_contradiction
  FOR EACH ROW EXECUTE FUNCTION outpatient_contradiction_decider();

-- What the bank may have paid of an account, by whichever of its claims, is neither paid again nor given away: until
-- somebody decided, and where it was decided that it paid, until that is in the books and, of a refund that hasn't
-- arrived, came back; whoever has the account since isn't held for what another was paid.
CREATE FUNCTION outpatient_is_doubt(p_institution text, p_claim text, p_attempt integer, p_decision text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT p_decision = '' OR (p_decision = 'paid' AND EXISTS (SELECT 1 FROM outpatient_payout p
    JOIN outpatient_claim c USING (institution_id, claim_id)
    LEFT JOIN outpatient_overpayment v USING (institution_id, claim_id, attempt_no)
    WHERE p.institution_id = p_institution AND p.claim_id = p_claim AND p.attempt_no = p_attempt
      AND p.state NOT IN ('arrived', 'returned') AND (v.state IS NULL OR (v.state = 'owed' AND c.state <> 'arrived'
        AND NOT EXISTS (SELECT 1 FROM outpatient_owner_change o WHERE o.institution_id = c.institution_id
          AND o.account_no = c.account_no AND o.state = 'approved' AND o.decided_at > c.accepted_at
          AND (o.old_name <> o.new_name OR (o.old_certno_hash <> '' AND o.old_certno_hash <> o.new_certno_hash)))))))
$$;
CREATE OR REPLACE FUNCTION outpatient_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF outpatient_is_contradicted(NEW.institution_id, NEW.claim_id) THEN
    RAISE EXCEPTION 'wrong_step: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION outpatient_payout_begins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF NEW.return_reference <> '' OR NEW.return_key <> ''
    OR EXISTS (SELECT 1 FROM outpatient_claim c
      JOIN outpatient_claim a ON a.institution_id = c.institution_id AND a.account_no = c.account_no
      JOIN outpatient_contradiction o ON o.institution_id = a.institution_id AND o.claim_id = a.claim_id
      WHERE c.institution_id = NEW.institution_id AND c.claim_id = NEW.claim_id
        AND outpatient_is_doubt(o.institution_id, o.claim_id, o.attempt_no, o.decision))
    -- Sent again as it stands, by who sent it last: then nobody else looked at what came back.
    OR EXISTS (SELECT 1 FROM outpatient_payout p JOIN outpatient_claim c USING (institution_id, claim_id)
      WHERE p.institution_id = NEW.institution_id AND p.claim_id = NEW.claim_id AND c.state = 'failed'
        AND p.attempt_no = NEW.attempt_no - 1 AND lower(trim(p.sent_by)) = lower(trim(NEW.sent_by))) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER outpatient_held ON outpatient_payout;
CREATE TRIGGER outpatient_payout_begins BEFORE INSERT ON outpatient_payout
  FOR EACH ROW EXECUTE FUNCTION outpatient_payout_begins();
CREATE FUNCTION outpatient_batch_doubted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_contradiction o JOIN outpatient_claim c USING (institution_id, claim_id)
      JOIN outpatient_batch_line l ON l.institution_id = c.institution_id AND l.account_no = c.account_no
      WHERE l.institution_id = NEW.institution_id AND l.batch_no = NEW.batch_no
        AND outpatient_is_doubt(o.institution_id, o.claim_id, o.attempt_no, o.decision)) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_batch' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_batch_doubted BEFORE UPDATE OF state ON outpatient_batch FOR EACH ROW
  WHEN (NEW.state IN ('frozen', 'approved')) EXECUTE FUNCTION outpatient_batch_doubted();

-- A payment comes back against the bank's slip of it; not while another of the same refund is owed by its payee. An
-- attempt that failed waits again where somebody decided that the bank paid it, of a refund that has ended too.
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
      OR EXISTS (SELECT 1 FROM outpatient_overpayment v WHERE v.institution_id = NEW.institution_id
        AND v.claim_id = NEW.claim_id AND v.attempt_no = NEW.attempt_no)
      OR NOT EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
        AND c.claim_id = NEW.claim_id AND c.state IN ('failed', 'confirmed', 'withdrawn', 'rejected'))))
    OR (NEW.state = 'returned' AND (length(NEW.return_reference) BETWEEN 1 AND 64 AND NEW.return_key ~ '^[A-Z0-9]+$'
      AND NOT EXISTS (SELECT 1 FROM outpatient_overpayment v WHERE v.institution_id = NEW.institution_id
        AND v.claim_id = NEW.claim_id AND v.state = 'owed')) IS NOT TRUE)
    OR (NEW.state <> 'returned' AND (NEW.return_reference <> OLD.return_reference
      OR NEW.return_key <> OLD.return_key))
    OR (NEW.institution_id, NEW.claim_id, NEW.attempt_no, NEW.route, NEW.file_no, NEW.amount_fen, NEW.sent_by,
        NEW.sent_at) IS DISTINCT FROM (OLD.institution_id, OLD.claim_id, OLD.attempt_no, OLD.route, OLD.file_no,
        OLD.amount_fen, OLD.sent_by, OLD.sent_at)
    OR (OLD.entry_no IS NOT NULL AND NEW.entry_no IS DISTINCT FROM OLD.entry_no) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_payout' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- Who names another way for a refund is none of those who sent it.
CREATE FUNCTION outpatient_redirected_by_another() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = NEW.institution_id
      AND p.claim_id = NEW.claim_id AND lower(trim(p.sent_by)) = lower(trim(NEW.reviewed_by))) THEN
    RAISE EXCEPTION 'second_person: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_redirected_by_another BEFORE UPDATE ON outpatient_claim FOR EACH ROW
  WHEN (NEW.state = 'reviewed' AND OLD.state = 'failed') EXECUTE FUNCTION outpatient_redirected_by_another();
