-- A red letter is never mirrored: what it took back comes in again as what it is, by its own way. And what belongs to
-- the fund is mirrored by an approved correction, or as a payment that bounced, and by nothing else.
CREATE FUNCTION ledger_red_letter() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  original ledger_entry;
BEGIN
  SELECT * INTO original FROM ledger_entry o
    WHERE o.institution_id = NEW.institution_id AND o.entry_no = NEW.reverses_no;
  IF original.reverses_no IS NOT NULL THEN
    RAISE EXCEPTION 'red_letter: ledger_entry' USING ERRCODE = 'HP002';
  END IF;
  IF original.kind <> 'fund_payment'
    AND (starts_with(original.kind, 'fund_') OR EXISTS (SELECT 1 FROM ledger_posting l
      JOIN fund_grant g ON g.institution_id = l.institution_id AND g.grant_id = l.fund
      WHERE l.institution_id = original.institution_id AND l.entry_no = original.entry_no))
    AND fund_is_correction(NEW.institution_id, NEW.kind, NEW.source, NEW.reverses_no) IS NOT TRUE THEN
    RAISE EXCEPTION 'restricted: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_red_letter BEFORE INSERT ON ledger_entry FOR EACH ROW
  WHEN (NEW.reverses_no IS NOT NULL) EXECUTE FUNCTION ledger_red_letter();

-- The claim on members stands in an account of its own, and falls by what they paid or by a red letter alone. By the end
-- of the transaction the entry is there.
CREATE FUNCTION fund_claim_is_named() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = NEW.institution_id
      AND e.entry_no = NEW.entry_no
      AND (e.kind = 'fund_claim_repaid' OR e.reverses_no IS NOT NULL)) THEN
    RAISE EXCEPTION 'restricted: ledger_entry' USING ERRCODE = 'HP008';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fund_claim_is_named AFTER INSERT ON ledger_posting DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.account_id = '1218' AND NEW.credit_fen > 0) EXECUTE FUNCTION fund_claim_is_named();

-- A grant is cleared at the moment of the entry by which the last of what was owed fell, and carries a moment of that
-- kind in no other state.
CREATE FUNCTION fund_grant_cleared_at() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.cleared_at IS DISTINCT FROM (CASE WHEN NEW.state = 'cleared' THEN (
      SELECT e.posted_at FROM ledger_posting l JOIN ledger_entry e USING (institution_id, entry_no)
      WHERE l.institution_id = NEW.institution_id AND l.account_id = '23050101:' || NEW.grant_id
      ORDER BY l.entry_no DESC LIMIT 1) END)
    OR (NEW.state = 'cleared' AND NEW.cleared_at IS NULL) THEN
    RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_grant_cleared_at BEFORE INSERT OR UPDATE ON fund_grant
  FOR EACH ROW EXECUTE FUNCTION fund_grant_cleared_at();

-- A ground ends by somebody of the house, and not before it was recorded; because everything was given back it ends in
-- the moment in which a grant of its place was cleared.
CREATE FUNCTION fund_recall_ends() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM staff_user u WHERE u.institution_id = NEW.institution_id
      AND u.user_id = NEW.ended_by) THEN
    RAISE EXCEPTION 'maker: fund_recall' USING ERRCODE = 'HP006';
  END IF;
  IF (NEW.ended_at >= NEW.recorded_at) IS NOT TRUE
    OR (NEW.state = 'returned' AND NOT EXISTS (SELECT 1 FROM fund_grant g
      WHERE g.institution_id = NEW.institution_id AND g.regime = NEW.regime AND g.kind = 'basic'
        AND g.state = 'cleared' AND g.cleared_at = NEW.ended_at)) THEN
    RAISE EXCEPTION 'wrong_step: fund_recall' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_recall_ends BEFORE UPDATE OF state ON fund_recall FOR EACH ROW
  WHEN (NEW.state <> 'standing') EXECUTE FUNCTION fund_recall_ends();

-- As in 0037; where nobody knows when a grant was cleared, every ground that ended so is looked at, and one that stood
-- again since and was lifted by two people is gone for good.
CREATE OR REPLACE FUNCTION fund_grant_owed_again() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fund_recall r
      WHERE r.institution_id = NEW.institution_id AND r.regime = NEW.regime AND r.state = 'returned'
        AND r.ended_at >= coalesce(OLD.cleared_at, r.ended_at)
        AND NOT EXISTS (SELECT 1 FROM fund_recall s WHERE s.institution_id = r.institution_id
          AND s.regime = r.regime AND s.ground IS NOT DISTINCT FROM r.ground AND s.document = r.document
          AND (s.state = 'standing' OR (s.state = 'lifted' AND s.recorded_at >= r.ended_at)))) THEN
    RAISE EXCEPTION 'recall_stands: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;

-- As in 0035; compared as slips are since 0036, for a number has one spelling. It has a letter A to Z or a digit.
CREATE OR REPLACE FUNCTION fund_evidence_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  plain text := fund_plain_slip(NEW.invoice_no);
  supplier text := (SELECT q.payee_credit_code FROM fund_request q
    WHERE q.institution_id = NEW.institution_id AND q.request_id = NEW.request_id);
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('fund_evidence:' || NEW.institution_id || ':' || supplier, 0));
  IF plain = '' OR EXISTS (SELECT 1 FROM fund_request q
      JOIN fund_evidence_standing v ON v.institution_id = q.institution_id AND v.request_id = q.request_id
      WHERE q.institution_id = NEW.institution_id AND q.payee_credit_code = supplier
        AND q.state IN ('paid', 'evidenced') AND (q.request_id <> NEW.request_id OR v.line_no = NEW.line_no)
        AND fund_plain_slip(v.invoice_no) = plain) THEN
    RAISE EXCEPTION 'invoice_used: fund_evidence' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;

-- Invoices of a line come to no more than the line, and a number that is recorded again counts on.
CREATE FUNCTION fund_evidence_within() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM fund_grant g JOIN fund_request r USING (institution_id, grant_id)
    WHERE r.institution_id = NEW.institution_id AND r.request_id = NEW.request_id FOR UPDATE OF g;
  IF (NEW.amount_fen + (SELECT coalesce(sum(v.amount_fen), 0) FROM fund_evidence_standing v
        WHERE v.institution_id = NEW.institution_id AND v.request_id = NEW.request_id AND v.line_no = NEW.line_no)
      <= (SELECT l.amount_fen FROM fund_request_line l WHERE l.institution_id = NEW.institution_id
        AND l.request_id = NEW.request_id AND l.line_no = NEW.line_no)) IS NOT TRUE
    OR NEW.attempt <> 1 + (SELECT coalesce(max(v.attempt), 0) FROM fund_evidence v
      WHERE v.institution_id = NEW.institution_id AND v.request_id = NEW.request_id AND v.line_no = NEW.line_no
        AND v.invoice_no = NEW.invoice_no) THEN
    RAISE EXCEPTION 'wrong_step: fund_evidence' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_evidence_within BEFORE INSERT ON fund_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_evidence_within();

-- One document proves one thing for the hospital or for a member, not for both: by the codes of both lines, or by their
-- names where one has no code.
CREATE FUNCTION fund_same_thing(one_code text, one_name text, other_code text, other_name text)
RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN fund_plain_slip(one_code) <> '' AND fund_plain_slip(other_code) <> ''
    THEN fund_plain_slip(one_code) = fund_plain_slip(other_code)
    ELSE regexp_replace(normalize(one_name, NFKC), '\s', '', 'g')
      = regexp_replace(normalize(other_name, NFKC), '\s', '', 'g') END
$$;
CREATE FUNCTION fund_evidence_no_members_use() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  plain text := fund_plain_slip(NEW.invoice_no);
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('fund_document:' || NEW.institution_id || ':' || plain, 0));
  IF EXISTS (SELECT 1 FROM fund_request_line l JOIN fund_distribution_use u ON u.institution_id = l.institution_id
      WHERE l.institution_id = NEW.institution_id AND l.request_id = NEW.request_id AND l.line_no = NEW.line_no
        AND fund_plain_slip(u.document) = plain AND fund_same_thing(l.code, l.name, u.code, u.name)
        AND NOT EXISTS (SELECT 1 FROM fund_use_withdrawn w WHERE w.institution_id = u.institution_id
          AND w.distribution_id = u.distribution_id AND w.use_no = u.use_no)) THEN
    RAISE EXCEPTION 'invoice_used: fund_evidence' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_evidence_no_members_use BEFORE INSERT ON fund_evidence
  FOR EACH ROW EXECUTE FUNCTION fund_evidence_no_members_use();

CREATE FUNCTION fund_use_no_own_invoice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  plain text := fund_plain_slip(NEW.document);
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('fund_document:' || NEW.institution_id || ':' || plain, 0));
  IF plain = '' OR EXISTS (SELECT 1 FROM fund_evidence_standing v
      JOIN fund_request q ON q.institution_id = v.institution_id AND q.request_id = v.request_id
        AND q.state IN ('paid', 'evidenced')
      JOIN fund_request_line l ON l.institution_id = v.institution_id AND l.request_id = v.request_id
        AND l.line_no = v.line_no
      WHERE v.institution_id = NEW.institution_id AND fund_plain_slip(v.invoice_no) = plain
        AND fund_same_thing(l.code, l.name, NEW.code, NEW.name)) THEN
    RAISE EXCEPTION 'invoice_used: fund_distribution_use' USING ERRCODE = 'HP008';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_use_no_own_invoice BEFORE INSERT ON fund_distribution_use
  FOR EACH ROW EXECUTE FUNCTION fund_use_no_own_invoice();

-- Rows of a member are numbered on, so that the next one always has a number.
CREATE FUNCTION fund_row_counts_on() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  last integer;
BEGIN
  EXECUTE format('SELECT coalesce(max(%1$I), 0) FROM public.%2$I WHERE institution_id = $1 AND distribution_id = $2',
    TG_ARGV[0], TG_TABLE_NAME) INTO last USING NEW.institution_id, NEW.distribution_id;
  IF (to_jsonb(NEW) ->> TG_ARGV[0])::integer IS DISTINCT FROM last + 1 THEN
    RAISE EXCEPTION 'wrong_step: %', TG_TABLE_NAME USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_distribution_return_counts_on BEFORE INSERT ON fund_distribution_return
  FOR EACH ROW EXECUTE FUNCTION fund_row_counts_on('return_no');
CREATE TRIGGER fund_distribution_use_counts_on BEFORE INSERT ON fund_distribution_use
  FOR EACH ROW EXECUTE FUNCTION fund_row_counts_on('use_no');
CREATE TRIGGER fund_claim_payment_counts_on BEFORE INSERT ON fund_claim_payment
  FOR EACH ROW EXECUTE FUNCTION fund_row_counts_on('payment_no');

-- What is said of lines that couldn't be taken, and why an entry is corrected, says something; and such lines are there.
CREATE TRIGGER fund_rejection_explained_says BEFORE INSERT ON fund_rejection_explained
  FOR EACH ROW EXECUTE FUNCTION fund_words_seen('ground');
CREATE TRIGGER fund_correction_says BEFORE INSERT ON fund_correction
  FOR EACH ROW EXECUTE FUNCTION fund_words_seen('ground');
CREATE FUNCTION fund_rejection_is_there() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM fund_statement_rejection r WHERE r.institution_id = NEW.institution_id
      AND r.statement_id = NEW.statement_id) THEN
    RAISE EXCEPTION 'wrong_step: fund_rejection_explained' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_rejection_is_there BEFORE INSERT ON fund_rejection_explained
  FOR EACH ROW EXECUTE FUNCTION fund_rejection_is_there();

-- An application that is filed again rests on a decision of its own that was given, and is withheld on no new ground.
CREATE FUNCTION fund_grant_is_decided() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.withheld_ground NOT IN ('', OLD.withheld_ground)
    OR NOT EXISTS (SELECT 1 FROM decision d WHERE d.institution_id = NEW.institution_id
      AND d.decision_id = NEW.decision_id AND d.outcome <> 'refused')
    OR EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
      AND g.decision_id = NEW.decision_id AND g.grant_id <> NEW.grant_id) THEN
    RAISE EXCEPTION 'wrong_step: fund_grant' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_grant_is_decided BEFORE UPDATE OF state ON fund_grant FOR EACH ROW
  WHEN (OLD.state = 'declined' AND NEW.state = 'applied') EXECUTE FUNCTION fund_grant_is_decided();
