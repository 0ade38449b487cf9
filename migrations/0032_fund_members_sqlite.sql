-- The same promises as beside it for PostgreSQL.

-- What isn't seen makes no second region: controls, what Unicode ignores by default, and the empty Braille cell.
CREATE TRIGGER fund_grant_region_shown BEFORE INSERT ON fund_grant BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_grant') WHERE NEW.pool_region GLOB '*[' || char(1) || '-' || char(31) || char(127)
    || '-' || char(159, 173, 847, 1564, 4447, 4448, 6068, 6069, 6155) || '-' || char(6159, 8203) || '-' || char(8207, 8232)
    || '-' || char(8238, 8288) || '-' || char(8303, 10240, 12644, 57344) || '-' || char(63743, 65024) || '-'
    || char(65039, 65279, 65440, 65520) || '-' || char(65531, 113824) || '-' || char(113827, 119155) || '-'
    || char(119162, 917504) || '-' || char(921599, 983040) || '-' || char(1114109) || ']*';
END;

-- A slip's number is kept as it is compared: letters A to Z and digits.
CREATE TRIGGER fund_bank_evidence_plain BEFORE INSERT ON fund_bank_evidence BEGIN
  SELECT RAISE(ABORT, 'append_only: fund_bank_evidence') WHERE NEW.reference = '' OR NEW.reference GLOB '*[^A-Z0-9]*';
END;
