-- Applications and what belongs to them on SQLite: the same promises as beside it for PostgreSQL.

CREATE TRIGGER fund_application_second_person BEFORE INSERT ON fund_application BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_application') WHERE NEW.emergency_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM fund_emergency e WHERE e.institution_id = NEW.institution_id
      AND e.emergency_id = NEW.emergency_id AND e.regime = NEW.regime AND e.year = NEW.year
      AND e.recorded_by <> NEW.applied_by);
END;

CREATE TRIGGER fund_procurement_kind BEFORE INSERT ON fund_procurement BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_procurement') WHERE NOT EXISTS (
    SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
      AND g.kind = 'procurement' AND g.state = 'applied');
END;

CREATE TRIGGER fund_request_line_procurement BEFORE INSERT ON fund_request_line BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_request_line') WHERE NEW.outcome <> 'refused'
    AND (NEW.batch = '' OR NEW.order_no = '' OR NEW.category NOT IN ('consumable', 'drug')) AND EXISTS (
      SELECT 1 FROM fund_request r JOIN fund_grant g
        ON g.institution_id = r.institution_id AND g.grant_id = r.grant_id
      WHERE r.institution_id = NEW.institution_id AND r.request_id = NEW.request_id AND g.kind = 'procurement');
END;

-- A lead hospital hands money on to its members: what they hold stands on 1218:distributed and is unspent still. It
-- grows only by a distribution that another person approved, once, by its own sum; the rest is as in 0007.
CREATE TRIGGER ledger_account_fund BEFORE INSERT ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'append_only: ledger_account') WHERE
    (NEW.fund <> '') IS NOT (NEW.account_id LIKE '1002:earmark:%' OR NEW.account_id LIKE '1002:reserved:%'
      OR NEW.account_id LIKE '23050101:%' OR NEW.account_id LIKE '1218:distributed:%')
    OR (NEW.fund <> '' AND NOT (NEW.guarded AND NEW.ceiling_fen IS NULL
      AND NEW.account_id IN ('1002:earmark:' || NEW.fund, '1002:reserved:' || NEW.fund, '23050101:' || NEW.fund,
        '1218:distributed:' || NEW.fund)
      AND EXISTS (SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id
        AND g.grant_id = NEW.fund AND (g.state = 'approved'
          OR (g.state = 'received' AND NEW.account_id = '1218:distributed:' || NEW.fund)))));
END;

CREATE TRIGGER ledger_entry_fund BEFORE INSERT ON ledger_entry BEGIN
  SELECT RAISE(ABORT, 'restricted: ledger_entry') WHERE EXISTS (
    SELECT 1 FROM (
      SELECT l.fund,
        sum(CASE WHEN a.fund <> '' AND a.subject IN ('1002', '1218') THEN l.credit_fen - l.debit_fen ELSE 0 END)
          AS outflow,
        sum(CASE WHEN a.fund <> '' AND a.subject = '1218' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS lent,
        sum(CASE WHEN a.fund <> '' AND a.subject = '23050101' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS fall,
        sum(CASE WHEN a.subject = '2302' THEN l.debit_fen - l.credit_fen ELSE 0 END) AS paid,
        (SELECT coalesce(sum(b.balance_fen), 0) FROM ledger_account b WHERE b.institution_id = NEW.institution_id
          AND b.account_id IN ('1002:earmark:' || l.fund, '1002:reserved:' || l.fund, '1218:distributed:' || l.fund))
          AS unspent,
        (SELECT coalesce(sum(b.balance_fen), 0) FROM ledger_account b WHERE b.institution_id = NEW.institution_id
          AND b.account_id = '23050101:' || l.fund) AS owed
      FROM ledger_posting l JOIN ledger_account a
        ON a.institution_id = l.institution_id AND a.account_id = l.account_id
      WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND l.fund <> ''
      GROUP BY l.fund) q
    WHERE NOT ((q.outflow <= max(q.fall, 0) OR q.unspent >= q.owed OR (
        NEW.kind = 'fund_payment' AND NEW.reverses_no IS NULL AND q.fall = 0 AND q.lent = 0
        AND q.paid = q.outflow AND EXISTS (
          SELECT 1 FROM fund_request r WHERE r.institution_id = NEW.institution_id
            AND 'fund_request:' || r.request_id = NEW.source AND r.grant_id = q.fund AND r.total_fen = q.outflow
            AND r.state = 'reserved')))
      AND (q.lent <= 0 OR (NEW.kind = 'fund_distribution' AND EXISTS (
        SELECT 1 FROM fund_distribution d WHERE d.institution_id = NEW.institution_id
          AND 'fund_distribution:' || d.distribution_id = NEW.source AND d.grant_id = q.fund
          AND d.amount_fen = q.lent AND d.state = 'approved')))
      AND (-q.outflow <= max(-q.fall, 0) OR NEW.reverses_no IS NOT NULL)
      AND (q.unspent <= q.owed OR NEW.reverses_no IS NOT NULL)));
END;

CREATE TRIGGER fund_distribution_insert BEFORE INSERT ON fund_distribution BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution') WHERE NEW.state IS NOT 'asked' OR NEW.decided_by IS NOT NULL
    OR EXISTS (SELECT 1 FROM fund_distribution d WHERE d.institution_id IS NEW.institution_id
      AND d.distribution_id IS NEW.distribution_id);
END;

CREATE TRIGGER fund_distribution_walk BEFORE UPDATE ON fund_distribution BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution') WHERE
    OLD.state IS NOT 'asked' OR NEW.state NOT IN ('approved', 'rejected')
    OR NEW.institution_id IS NOT OLD.institution_id OR NEW.distribution_id IS NOT OLD.distribution_id
    OR NEW.grant_id IS NOT OLD.grant_id OR NEW.member_code IS NOT OLD.member_code
    OR NEW.member_name IS NOT OLD.member_name OR NEW.amount_fen IS NOT OLD.amount_fen
    OR NEW.document IS NOT OLD.document OR NEW.asked_by IS NOT OLD.asked_by OR NEW.asked_at IS NOT OLD.asked_at
    OR (NEW.state = 'approved' AND NOT EXISTS (
      SELECT 1 FROM fund_grant g WHERE g.institution_id = NEW.institution_id AND g.grant_id = NEW.grant_id
        AND g.state = 'received' AND g.kind = 'basic' AND g.approved_fen >= NEW.amount_fen
          + (SELECT coalesce(sum(d.amount_fen), 0) FROM fund_distribution d
            WHERE d.institution_id = g.institution_id AND d.grant_id = g.grant_id AND d.state = 'approved')
          - (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r JOIN fund_distribution d
              ON d.institution_id = r.institution_id AND d.distribution_id = r.distribution_id
            WHERE d.institution_id = g.institution_id AND d.grant_id = g.grant_id)));
END;

CREATE TRIGGER fund_distribution_no_delete BEFORE DELETE ON fund_distribution BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_distribution');
END;

CREATE TRIGGER fund_distribution_return_sum BEFORE INSERT ON fund_distribution_return BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution_return') WHERE NOT EXISTS (
    SELECT 1 FROM fund_distribution d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id AND d.state = 'approved' AND d.amount_fen >= NEW.amount_fen
        + (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r
          WHERE r.institution_id = d.institution_id AND r.distribution_id = d.distribution_id));
END;

CREATE TRIGGER fund_distribution_use_sum BEFORE INSERT ON fund_distribution_use BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_distribution_use') WHERE NOT EXISTS (
    SELECT 1 FROM fund_distribution d WHERE d.institution_id = NEW.institution_id
      AND d.distribution_id = NEW.distribution_id AND d.state = 'approved' AND d.amount_fen >= NEW.amount_fen
        + (SELECT coalesce(sum(u.amount_fen), 0) FROM fund_distribution_use u
          WHERE u.institution_id = d.institution_id AND u.distribution_id = d.distribution_id));
END;
