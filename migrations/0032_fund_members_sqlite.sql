-- The same promises as beside it for PostgreSQL.

-- What isn't seen makes no second region: controls, what Unicode ignores by default, and the empty Braille cell.
CREATE TRIGGER fund_grant_region_shown BEFORE INSERT ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE NEW.pool_region GLOB '*[' || NOT_SEEN || ']*';
END;

-- A slip's number is kept as it is compared: letters A to Z and digits.
CREATE TRIGGER fund_bank_evidence_plain BEFORE INSERT ON fund_bank_evidence BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_bank_evidence') WHERE NEW.reference = '' OR NEW.reference GLOB '*[^A-Z0-9]*';
END;

-- A member has a code of letters A to Z and digits, and a name, an account and a document with something to be seen.
CREATE TRIGGER fund_member_named BEFORE INSERT ON fund_member BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_member') WHERE NEW.member_code = '' OR NEW.member_code GLOB '*[^A-Z0-9]*'
    OR NEW.member_name NOT GLOB '*[^' || char(32, 160, 5760, 8192) || '-' || char(8202, 8239, 8287, 12288) || NOT_SEEN || ']*'
    OR NEW.account_no NOT GLOB '*[^' || char(32, 160, 5760, 8192) || '-' || char(8202, 8239, 8287, 12288) || NOT_SEEN || ']*'
    OR NEW.document NOT GLOB '*[^' || char(32, 160, 5760, 8192) || '-' || char(8202, 8239, 8287, 12288) || NOT_SEEN || ']*';
END;

-- A member neither gives back nor uses more than it was handed in the books, both together.
CREATE TRIGGER fund_distribution_return_sum BEFORE INSERT ON fund_distribution_return BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution_return') WHERE NOT EXISTS (
    SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id AND d.amount_fen >= NEW.amount_fen + d.returned_fen + d.used_fen);
END;

CREATE TRIGGER fund_distribution_use_sum BEFORE INSERT ON fund_distribution_use BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution_use') WHERE NOT EXISTS (
    SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id AND d.amount_fen >= NEW.amount_fen + d.returned_fen + d.used_fen);
END;

-- A use that was typed wrongly is withdrawn by another person, as long as the member's part stands on the grant still
-- and it hasn't paid back for it.
CREATE TRIGGER fund_use_withdrawn_joins BEFORE INSERT ON fund_use_withdrawn BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_use_withdrawn') WHERE EXISTS (SELECT 1 FROM fund_use_withdrawn w
    WHERE w.institution_id = NEW.institution_id AND w.distribution_id = NEW.distribution_id AND w.use_no = NEW.use_no);
  SELECT RAISE(ABORT, 'wrong_step: fund_use_withdrawn') WHERE length(trim(NEW.ground)) IS NULL
    OR length(trim(NEW.ground)) = 0 OR NOT EXISTS (
    SELECT 1 FROM fund_distribution_use u JOIN fund_distribution_sums d
      ON d.institution_id = u.institution_id AND d.distribution_id = u.distribution_id
    WHERE u.institution_id = NEW.institution_id AND u.distribution_id = NEW.distribution_id AND u.use_no = NEW.use_no
      AND d.used_fen - u.amount_fen >= d.repaid_fen
      AND (SELECT coalesce(sum(o.amount_fen - o.returned_fen - o.used_fen), 0) FROM fund_distribution_sums o
          WHERE o.institution_id = d.institution_id AND o.grant_id = d.grant_id) + u.amount_fen
        <= (SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = d.institution_id
          AND a.account_id = '1218:distributed:' || d.grant_id));
  SELECT RAISE(ABORT, 'second_person: fund_use_withdrawn') WHERE NOT EXISTS (
    SELECT 1 FROM fund_distribution_use u JOIN staff_user s
      ON s.institution_id = u.institution_id AND s.user_id = NEW.withdrawn_by
    WHERE u.institution_id = NEW.institution_id AND u.distribution_id = NEW.distribution_id AND u.use_no = NEW.use_no
      AND lower(trim(u.recorded_by)) <> lower(trim(NEW.withdrawn_by)));
END;

-- A member pays back no more than it used, and all members of a grant no more than the claim on them.
CREATE TRIGGER fund_claim_payment_joins BEFORE INSERT ON fund_claim_payment BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_claim_payment') WHERE EXISTS (SELECT 1 FROM fund_claim_payment c
    WHERE c.institution_id = NEW.institution_id AND c.distribution_id = NEW.distribution_id
      AND c.payment_no = NEW.payment_no);
  SELECT RAISE(ABORT, 'wrong_step: fund_claim_payment') WHERE (NEW.amount_fen > 0) IS NOT 1 OR NOT EXISTS (
    SELECT 1 FROM fund_distribution_sums d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id AND d.used_fen >= NEW.amount_fen + d.repaid_fen
      AND (SELECT sum(o.repaid_fen) FROM fund_distribution_sums o WHERE o.institution_id = d.institution_id
          AND o.grant_id = d.grant_id) + NEW.amount_fen
        <= (SELECT coalesce(sum(l.debit_fen - l.credit_fen), 0) FROM ledger_posting l
          WHERE l.institution_id = d.institution_id AND l.account_id = '1218' AND l.fund = d.grant_id));
  SELECT RAISE(ABORT, 'maker: fund_claim_payment') WHERE NOT EXISTS (SELECT 1 FROM staff_user u
    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.recorded_by);
END;
