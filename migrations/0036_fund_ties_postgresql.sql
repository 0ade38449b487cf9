-- What a member gave back stands in its row first; its entry moves that sum, once, and no more than the member holds.
-- So does what it paid back of the claim on it.
CREATE FUNCTION fund_entry_of_member() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM fund_grant g JOIN fund_distribution d USING (institution_id, grant_id)
    WHERE d.institution_id = NEW.institution_id AND NEW.source = 'fund_distribution:' || d.distribution_id
    FOR UPDATE OF g;
  IF NEW.line_count <> 2 OR NOT (CASE NEW.kind
    WHEN 'fund_distribution_return' THEN EXISTS (
      SELECT 1 FROM fund_distribution_return r JOIN fund_distribution_sums d USING (institution_id, distribution_id)
        JOIN ledger_posting b ON b.institution_id = r.institution_id AND b.entry_no = NEW.entry_no
          AND b.account_id = '1002:earmark:' || d.grant_id AND b.debit_fen = r.amount_fen
        JOIN ledger_posting m ON m.institution_id = r.institution_id AND m.entry_no = NEW.entry_no
          AND m.account_id = '1218:distributed:' || d.grant_id AND m.credit_fen = r.amount_fen
      WHERE r.institution_id = NEW.institution_id AND NEW.source = 'fund_distribution:' || r.distribution_id
        AND NEW.idempotency_key = 'fund_distribution_return:' || r.distribution_id || ':' || r.return_no
        AND d.amount_fen >= d.returned_fen + d.used_fen)
    ELSE EXISTS (
      SELECT 1 FROM fund_claim_payment c
        JOIN ledger_posting b ON b.institution_id = c.institution_id AND b.entry_no = NEW.entry_no
          AND b.account_id = '1002' AND b.debit_fen = c.amount_fen
        JOIN ledger_posting m ON m.institution_id = c.institution_id AND m.entry_no = NEW.entry_no
          AND m.account_id = '1218' AND m.credit_fen = c.amount_fen
      WHERE c.institution_id = NEW.institution_id AND NEW.source = 'fund_distribution:' || c.distribution_id
        AND NEW.idempotency_key = 'fund_claim_repaid:' || c.distribution_id || ':' || c.payment_no) END) THEN
    RAISE EXCEPTION 'restricted: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
-- Its row is looked at with the entry counted in: after it is there.
CREATE TRIGGER fund_entry_of_member AFTER INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.kind IN ('fund_distribution_return', 'fund_claim_repaid')) EXECUTE FUNCTION fund_entry_of_member();

-- The slip behind either carries the row's number; by the slip a repayment counts, within the claim.
CREATE FUNCTION fund_bank_evidence_of_member() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM fund_grant g JOIN fund_distribution d USING (institution_id, grant_id)
      JOIN ledger_entry e ON e.institution_id = d.institution_id AND e.source = 'fund_distribution:' || d.distribution_id
    WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no FOR UPDATE OF g;
  IF NOT EXISTS (
      SELECT 1 FROM ledger_entry e LEFT JOIN fund_distribution_return r ON r.institution_id = e.institution_id
          AND e.idempotency_key = 'fund_distribution_return:' || r.distribution_id || ':' || r.return_no
        LEFT JOIN fund_claim_payment c ON c.institution_id = e.institution_id
          AND e.idempotency_key = 'fund_claim_repaid:' || c.distribution_id || ':' || c.payment_no
      WHERE e.institution_id = NEW.institution_id AND e.entry_no = NEW.entry_no AND e.kind = NEW.kind
        AND btrim(coalesce(r.bank_reference, c.bank_reference)) = NEW.as_typed
        AND (NEW.kind = 'fund_distribution_return' OR EXISTS (
          SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = c.institution_id
            AND d.distribution_id = c.distribution_id AND d.used_fen >= c.amount_fen + d.repaid_fen
            AND (SELECT sum(o.repaid_fen) FROM fund_distribution_sums o WHERE o.institution_id = d.institution_id
                AND o.grant_id = d.grant_id) + c.amount_fen
              <= (SELECT coalesce(sum(l.debit_fen - l.credit_fen), 0) FROM ledger_posting l
                WHERE l.institution_id = d.institution_id AND l.account_id = '1218' AND l.fund = d.grant_id)))) THEN
    RAISE EXCEPTION 'slip: fund_bank_evidence' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_bank_evidence_of_member BEFORE INSERT ON fund_bank_evidence FOR EACH ROW
  WHEN (NEW.kind IN ('fund_distribution_return', 'fund_claim_repaid')) EXECUTE FUNCTION fund_bank_evidence_of_member();

-- A member neither gives back nor uses more than it was handed in the books, both together; whoever writes either at the
-- same moment waits at the grant's lock.
CREATE OR REPLACE FUNCTION fund_distribution_return_sum() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM fund_grant g JOIN fund_distribution d USING (institution_id, grant_id)
    WHERE d.institution_id = NEW.institution_id AND d.distribution_id = NEW.distribution_id FOR UPDATE OF g;
  IF NOT EXISTS (SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id
      AND d.amount_fen >= NEW.amount_fen + d.returned_fen + d.used_fen) THEN
    RAISE EXCEPTION 'wrong_step: fund_distribution_return' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION fund_distribution_use_sum() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM fund_grant g JOIN fund_distribution d USING (institution_id, grant_id)
    WHERE d.institution_id = NEW.institution_id AND d.distribution_id = NEW.distribution_id FOR UPDATE OF g;
  IF NOT EXISTS (SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id
      AND d.amount_fen >= NEW.amount_fen + d.returned_fen + d.used_fen) THEN
    RAISE EXCEPTION 'wrong_step: fund_distribution_use' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- A reserve takes from the earmark; what members hold falls by what they gave back, or by a return in their place; and
-- what is owed falls by a return, an offset or the netting with a grant that arrives.
ALTER FUNCTION fund_lines_stand(text, bigint, text, text, bigint, text) RENAME TO fund_lines_fall;

CREATE FUNCTION fund_lines_stand(
  p_institution text, p_entry bigint, p_kind text, p_source text, p_reverses bigint, p_fund text
) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT fund_lines_fall(p_institution, p_entry, p_kind, p_source, p_reverses, p_fund)
    AND (q.reserved <= 0 OR p_reverses IS NOT NULL OR (p_kind = 'fund_reserve' AND q.taken = q.reserved))
    AND (q.lent >= 0 OR q.fall > 0 OR p_kind = 'fund_distribution_return')
    AND (q.fall <= 0 OR p_reverses IS NOT NULL OR p_kind IN ('fund_return', 'fund_offset')
      OR (p_kind = 'fund_netting' AND EXISTS (SELECT 1 FROM ledger_posting o WHERE o.institution_id = p_institution
        AND o.entry_no = p_entry AND o.fund NOT IN ('', p_fund) AND o.account_id = '23050101:' || o.fund
        AND o.credit_fen > 0)))
  FROM (
    SELECT
      coalesce(sum(l.credit_fen - l.debit_fen) FILTER (WHERE l.account_id = '1002:earmark:' || p_fund), 0) AS taken,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE l.account_id = '1002:reserved:' || p_fund), 0) AS reserved,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE l.account_id = '1218:distributed:' || p_fund), 0) AS lent,
      coalesce(sum(l.debit_fen - l.credit_fen) FILTER (WHERE l.account_id = '23050101:' || p_fund), 0) AS fall
    FROM ledger_posting l WHERE l.institution_id = p_institution AND l.entry_no = p_entry AND l.fund = p_fund) q
$$;

-- A return of the hospital or of a member, and what a member paid back, has its slip when the transaction ends.
CREATE FUNCTION fund_entry_has_its_slip() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = NEW.institution_id
      AND b.entry_no = NEW.entry_no) THEN
    RAISE EXCEPTION 'slip: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fund_entry_has_its_slip AFTER INSERT ON ledger_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.kind IN ('fund_return', 'fund_distribution_return', 'fund_claim_repaid'))
  EXECUTE FUNCTION fund_entry_has_its_slip();

-- A slip is kept as it was typed and compared by that number's letters A to Z and digits, narrow and in capitals.
CREATE FUNCTION fund_plain_slip(typed text) RETURNS text LANGUAGE sql IMMUTABLE
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT regexp_replace(upper(translate(replace(normalize(typed, NFKC), U&'\00DF', 'SS'),
    U&'\0131\01F0\1E96\1E97\1E98\1E99', 'IJHTWY') COLLATE "C"), '[^A-Z0-9]', '', 'g')
$$;
CREATE FUNCTION fund_bank_evidence_as_typed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.reference IS DISTINCT FROM fund_plain_slip(NEW.as_typed) THEN
    RAISE EXCEPTION 'append_only: fund_bank_evidence' USING ERRCODE = 'HP001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_bank_evidence_as_typed BEFORE INSERT ON fund_bank_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_bank_evidence_as_typed();

-- A ground says something, and an account has a digit or a letter.
CREATE FUNCTION fund_words_seen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM unnest(TG_ARGV) AS name WHERE (to_jsonb(NEW) ->> name
      ~ ('[^[:space:]\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000' || fund_not_seen() || ']')) IS NOT TRUE) THEN
    RAISE EXCEPTION 'wrong_step: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_quiet_month_says BEFORE INSERT ON fund_quiet_month
  FOR EACH ROW EXECUTE FUNCTION fund_words_seen('ground');
CREATE TRIGGER fund_use_withdrawn_says BEFORE INSERT ON fund_use_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_words_seen('ground');
CREATE TRIGGER fund_application_withdrawn_says BEFORE INSERT ON fund_application_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_words_seen('ground');
CREATE TRIGGER fund_statement_withdrawn_says BEFORE INSERT ON fund_statement_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_words_seen('ground');
CREATE TRIGGER fund_prepay_account_says BEFORE INSERT ON fund_prepay_account
  FOR EACH ROW EXECUTE FUNCTION fund_words_seen('ground');
CREATE TRIGGER fund_evidence_withdrawn_says BEFORE INSERT ON fund_evidence_withdrawn
  FOR EACH ROW EXECUTE FUNCTION fund_words_seen('ground');
CREATE TRIGGER fund_member_left_says BEFORE UPDATE OF state ON fund_member
  FOR EACH ROW WHEN (NEW.state = 'left') EXECUTE FUNCTION fund_words_seen('left_ground');

CREATE FUNCTION fund_account_seen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.account COLLATE "C" ~ '[0-9A-Za-z\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]') IS NOT TRUE THEN
    RAISE EXCEPTION 'account: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_prepay_account_shown BEFORE INSERT ON fund_prepay_account
  FOR EACH ROW EXECUTE FUNCTION fund_account_seen();
CREATE TRIGGER fund_statement_account_shown BEFORE INSERT ON fund_statement
  FOR EACH ROW WHEN (NEW.kind = 'bank') EXECUTE FUNCTION fund_account_seen();

-- A month without a line is a real one, and over when that is said.
CREATE FUNCTION fund_quiet_month_over() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.period COLLATE "C" ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'
      AND NEW.period COLLATE "C" < to_char(NEW.said_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: fund_quiet_month' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_quiet_month_over BEFORE INSERT ON fund_quiet_month
  FOR EACH ROW EXECUTE FUNCTION fund_quiet_month_over();

-- The walk as in 0033; what was taken back is neither approved nor declined by somebody, leaves nothing of an approval
-- behind, and is filed again by somebody of the house under a decision of its own.
CREATE OR REPLACE FUNCTION fund_grant_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  taken_back boolean := false;
  decided boolean := false;
  withdrawn boolean := false;
  filed_again boolean := false;
  nothing_kept boolean := NEW.recorded_by IS NULL AND NEW.recorded_at IS NULL AND NEW.approved_fen IS NULL
    AND NEW.approved_on IS NULL AND NEW.approval_document = '';
  filed timestamp := NEW.applied_at AT TIME ZONE 'Asia/Shanghai';
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state IS DISTINCT FROM 'applied' OR NEW.recorded_by IS NOT NULL THEN
      RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state = 'approved' AND NEW.state = 'applied' THEN
    taken_back := (nothing_kept AND EXISTS (SELECT 1 FROM fund_approval_withdrawn w
      WHERE w.institution_id = NEW.institution_id AND w.grant_id = NEW.grant_id
        AND w.approved_fen = OLD.approved_fen AND w.recorded_by = OLD.recorded_by
        AND w.recorded_at = OLD.recorded_at));
  END IF;
  IF OLD.state = 'applied' AND NEW.state IN ('approved', 'declined') THEN
    withdrawn := EXISTS (SELECT 1 FROM fund_application_withdrawn w
      WHERE w.institution_id = NEW.institution_id AND w.grant_id = NEW.grant_id AND w.decision_id = OLD.decision_id);
    decided := CASE WHEN withdrawn THEN NEW.state = 'declined' AND nothing_kept
      ELSE NEW.state = 'approved' OR NEW.recorded_by IS NOT NULL END;
  END IF;
  -- Filed again it is held to what a first application is: its year is open, nothing stands beside one for all funds,
  -- and where the notice bars it nothing of an earlier year is owed.
  IF OLD.state = 'declined' AND NEW.state = 'applied' THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('fund_grant:' || NEW.institution_id || ':' || NEW.regime, 0));
    filed_again := OLD.recorded_by IS NULL AND nothing_kept AND NEW.module_no = '' AND NEW.kind = 'basic'
      AND EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
        AND u.user_id = NEW.applied_by)
      AND NOT EXISTS (SELECT 1 FROM fund_application_withdrawn w WHERE w.institution_id = NEW.institution_id
        AND w.decision_id = NEW.decision_id)
      AND NEW.decision_id <> OLD.decision_id AND NEW.applied_at >= OLD.applied_at
      AND NEW.year BETWEEN extract(year FROM filed)
        AND extract(year FROM filed) + CASE WHEN extract(month FROM filed) = 12 THEN 1 ELSE 0 END
      AND NOT EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
        AND g.regime = NEW.regime AND g.kind = NEW.kind AND g.year = NEW.year
        AND lower(g.pool_region) = lower(NEW.pool_region) AND g.grant_id <> NEW.grant_id
        AND g.state <> 'declined' AND 'all' IN (g.fund, NEW.fund))
      AND NOT (NEW.regime IN ('xizang-prepay-2024', 'zhejiang-prepay-2025') AND EXISTS (
        SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime
          AND g.kind = 'basic' AND g.state = 'received' AND g.year < NEW.year));
  END IF;
  IF (taken_back OR decided OR filed_again OR (OLD.state, NEW.state) IN (('approved', 'withheld'),
        ('withheld', 'approved'), ('approved', 'received'), ('received', 'cleared'),
        ('received', 'approved'), ('cleared', 'received'))) IS NOT TRUE
    OR (NEW.institution_id, NEW.grant_id, NEW.regime, NEW.pool_region, NEW.fund, NEW.year, NEW.kind) IS DISTINCT FROM
       (OLD.institution_id, OLD.grant_id, OLD.regime, OLD.pool_region, OLD.fund, OLD.year, OLD.kind)
    OR (NOT filed_again AND (NEW.applied_fen, NEW.decision_id, NEW.applied_by, NEW.applied_at) IS DISTINCT FROM
       (OLD.applied_fen, OLD.decision_id, OLD.applied_by, OLD.applied_at))
    OR (OLD.state <> 'applied' AND NOT taken_back AND (NEW.approved_fen, NEW.approved_on, NEW.recorded_by)
        IS DISTINCT FROM (OLD.approved_fen, OLD.approved_on, OLD.recorded_by))
    OR ((NEW.state = 'cleared' OR (OLD.state = 'received' AND NEW.state = 'approved'))
        AND EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
          AND a.fund = NEW.grant_id AND a.balance_fen <> 0))
    OR (OLD.state = 'received' AND NEW.state = 'approved'
        AND (SELECT count(*) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
            AND e.kind = 'fund_receipt' AND e.source = 'grant:' || NEW.grant_id)
          <> (SELECT count(*) FROM ledger_entry e JOIN fund_correction c ON c.institution_id = e.institution_id
            AND 'fund_correction:' || c.correction_id = e.source
            WHERE e.institution_id = NEW.institution_id AND e.kind = 'fund_receipt_undone'
              AND c.grant_id = NEW.grant_id))
    OR (OLD.state = 'cleared' AND (NEW.cleared_at IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
          AND a.account_id = '23050101:' || NEW.grant_id AND a.balance_fen > 0))) THEN
    RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
