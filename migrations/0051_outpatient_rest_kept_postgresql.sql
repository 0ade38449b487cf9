-- What the treasury has of an account and nobody was paid ahead but on this claim itself.
CREATE FUNCTION outpatient_left_with_treasury(p_institution text, p_account text, p_claim text) RETURNS bigint
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT (SELECT coalesce(sum(l.balance_fen), 0) FROM outpatient_batch_line l
      JOIN outpatient_batch b USING (institution_id, batch_no)
      WHERE l.institution_id = p_institution AND l.account_no = p_account
        AND b.state IN ('approved', 'booked', 'remitted'))
    - (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM outpatient_claim c
      JOIN ledger_posting p ON p.institution_id = c.institution_id AND p.account_id = '1218:advance:' || c.claim_id
      JOIN ledger_entry e ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no
      WHERE c.institution_id = p_institution AND c.account_no = p_account AND c.remitted AND c.claim_id <> p_claim
        AND e.kind IN ('outpatient_advance', 'outpatient_advance_returned'))
$$;

-- An account is done with only when nothing of it is left with the treasury.
CREATE FUNCTION outpatient_account_reclaimed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF outpatient_left_with_treasury(NEW.institution_id, NEW.account_no, '') > 0 THEN
    RAISE EXCEPTION 'wrong_step: outpatient_account' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_account_reclaimed BEFORE UPDATE OF state ON outpatient_account FOR EACH ROW
  WHEN (NEW.state = 'reclaimed' AND OLD.state <> 'reclaimed') EXECUTE FUNCTION outpatient_account_reclaimed();

-- So may there be more than one claim on remitted money of an account, one after the other, while any of it is left.
CREATE FUNCTION outpatient_claim_on_the_rest() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  PERFORM 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id AND a.account_no = NEW.account_no
    FOR NO KEY UPDATE;
  IF outpatient_left_with_treasury(NEW.institution_id, NEW.account_no, '') <= 0 THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outpatient_claim_on_the_rest BEFORE INSERT ON outpatient_claim FOR EACH ROW
  WHEN (NEW.remitted) EXECUTE FUNCTION outpatient_claim_on_the_rest();

-- What is paid beyond what the treasury has is the hospital's own cost: whoever confirms it wrote why (0045), and a
-- refund that ended before its account was remitted takes no more than what is left there.
CREATE OR REPLACE FUNCTION outpatient_claim_beyond() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  is_left bigint := outpatient_left_with_treasury(NEW.institution_id, NEW.account_no, NEW.claim_id);
BEGIN
  IF is_left <= 0 OR NEW.amount_fen > is_left AND (NEW.state <> 'confirmed' OR NOT EXISTS (SELECT 1 FROM outpatient_alarm_answer w
      WHERE w.institution_id = NEW.institution_id AND w.claim_id = NEW.claim_id
        AND w.answered_by = NEW.confirmed_by AND w.answered_at >= NEW.reviewed_at
        AND w.alarms >= (SELECT min(a.alarm_no) FROM outpatient_alarm a WHERE a.institution_id = NEW.institution_id
          AND a.claim_id = NEW.claim_id AND a.kind = 'beyond'))) THEN
    RAISE EXCEPTION 'wrong_step: outpatient_claim' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER outpatient_claim_beyond ON outpatient_claim;
CREATE TRIGGER outpatient_claim_beyond BEFORE UPDATE ON outpatient_claim FOR EACH ROW
  WHEN (NEW.remitted AND (NEW.state = 'confirmed' OR (NEW.state = 'sent' AND NOT OLD.remitted)))
  EXECUTE FUNCTION outpatient_claim_beyond();

-- Whether the rest of an account is with the treasury.
CREATE FUNCTION outpatient_is_with_treasury(p_institution text, p_claim text) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_claim c JOIN outpatient_account a USING (institution_id, account_no)
    WHERE c.institution_id = p_institution AND c.claim_id = p_claim AND a.state IN ('remitted', 'reclaimed'))
$$;

-- What comes back of a refund of before is owed likewise (2307) where the account's rest is with the treasury since.
CREATE OR REPLACE FUNCTION outpatient_owed_opens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh f WHERE (f.account_id LIKE '2103:%' OR f.account_id LIKE '2307:%')
    AND (f.account_id LIKE '2307:refund:%' AND f.subject = '2307' AND f.normal_side = -1 AND f.guarded
      AND f.ceiling_fen IS NULL AND f.fund = '' AND EXISTS (SELECT 1 FROM outpatient_claim c
        WHERE c.institution_id = f.institution_id AND c.claim_id = substr(f.account_id, 13)
          AND (c.remitted OR outpatient_is_with_treasury(c.institution_id, c.claim_id)))) IS NOT TRUE) THEN
    RAISE EXCEPTION 'append_only: ledger_account' USING ERRCODE = 'HP001';
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION outpatient_owed_line_stands(
  p_institution text, p_claim text, p_debit bigint, p_credit bigint, p_kind text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = p_institution AND c.claim_id = p_claim
    AND CASE p_kind
      WHEN 'outpatient_repaid' THEN c.amount_fen = p_debit AND c.state IN ('confirmed', 'sent')
      WHEN 'outpatient_owed' THEN c.amount_fen = p_credit AND c.state = 'arrived'
        AND outpatient_owed_fen(p_institution, p_claim) = p_credit
        AND EXISTS (SELECT 1 FROM outpatient_payout p JOIN ledger_entry o USING (institution_id, entry_no)
          WHERE p.institution_id = p_institution AND p.claim_id = p_claim AND p.state = 'arrived' AND p.route <> 'cash'
            AND (o.kind = 'outpatient_repaid' OR CASE WHEN c.remitted
              THEN o.kind = 'outpatient_advance' AND outpatient_is_applied_for(p_institution, p_claim)
              ELSE o.kind = 'outpatient_refund' AND outpatient_is_with_treasury(p_institution, p_claim) END)
            AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.institution_id = o.institution_id
              AND r.reverses_no = o.entry_no))
      ELSE false END)
$$;

-- Then it comes back by no red letter, which would put it where nobody can be paid from.
CREATE OR REPLACE FUNCTION outpatient_payment_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  claim text := substr(NEW.source, 18);
BEGIN
  IF NEW.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_owed', 'outpatient_repaid') THEN
    PERFORM 1 FROM outpatient_claim c WHERE c.institution_id = NEW.institution_id
      AND c.claim_id = claim FOR NO KEY UPDATE;
    RETURN NEW;
  END IF;
  IF NEW.kind = 'outpatient_deposit_voided' OR NOT EXISTS (SELECT 1 FROM outpatient_payout p
      WHERE p.institution_id = NEW.institution_id AND p.claim_id = claim
        AND p.entry_no = NEW.reverses_no AND p.route <> 'cash' AND p.state = 'arrived')
    OR outpatient_owed_fen(NEW.institution_id, claim) > 0
    OR (CASE NEW.kind WHEN 'outpatient_advance_returned' THEN outpatient_is_applied_for(NEW.institution_id, claim)
      ELSE outpatient_is_with_treasury(NEW.institution_id, claim) END) THEN
    RAISE EXCEPTION 'outpatient: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;

-- Whether an account is another person's since a claim was accepted: who has the same certificate number is the same
-- person, whatever letter of the name was mended; without a number the names tell.
CREATE FUNCTION outpatient_is_anothers(p_institution text, p_claim text) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT coalesce((SELECT CASE WHEN w.old_certno_hash <> '' THEN w.old_certno_hash <> a.certno_hash
      ELSE regexp_replace(w.old_name, '[ 　]', '', 'g') <> regexp_replace(a.holder_name, '[ 　]', '', 'g') END
    FROM outpatient_claim c JOIN outpatient_account a USING (institution_id, account_no)
      JOIN outpatient_owner_change w USING (institution_id, account_no)
    WHERE c.institution_id = p_institution AND c.claim_id = p_claim AND w.state = 'approved'
      AND w.decided_at > c.accepted_at
    ORDER BY w.change_no LIMIT 1), false)
$$;
CREATE OR REPLACE FUNCTION outpatient_is_doubt(p_institution text, p_claim text, p_attempt integer, p_decision text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT p_decision = '' OR (p_decision = 'paid' AND EXISTS (SELECT 1 FROM outpatient_payout p
    JOIN outpatient_claim c USING (institution_id, claim_id)
    LEFT JOIN outpatient_overpayment v USING (institution_id, claim_id, attempt_no)
    WHERE p.institution_id = p_institution AND p.claim_id = p_claim AND p.attempt_no = p_attempt
      AND p.state NOT IN ('arrived', 'returned') AND (v.state IS NULL OR (v.state = 'owed' AND c.state <> 'arrived'
        AND NOT outpatient_is_anothers(p_institution, p_claim)))))
$$;

-- What the bank paid whoever had the account before isn't the one's who has it now: of an open refund, too, it is owed
-- by its payee (0047).
CREATE OR REPLACE FUNCTION outpatient_paid_twice(p_institution text, p_claim text, p_attempt integer) RETURNS bigint
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
  SELECT p.amount_fen FROM outpatient_payout p JOIN outpatient_claim c USING (institution_id, claim_id)
  WHERE p.institution_id = p_institution AND p.claim_id = p_claim AND p.attempt_no = p_attempt AND p.state = 'failed'
    AND (c.state IN ('arrived', 'withdrawn', 'rejected') OR (c.state <> 'sent' AND (c.accepted_at > p.sent_at
      OR outpatient_is_anothers(p_institution, p_claim))))
    AND outpatient_paid_after_all(p_institution, p_claim, p_attempt)
$$;
