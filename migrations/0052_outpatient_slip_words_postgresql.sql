-- A slip or receipt is compared without the word before its number: "77", "No.77" and "№ 77" are one, "A77" and "No.A77"
-- too. Letters that nothing parts from those behind them are the number's own ("NOV12").
CREATE OR REPLACE FUNCTION outpatient_plain_slip(typed text) RETURNS text LANGUAGE sql IMMUTABLE
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(nullif(regexp_replace(replace(regexp_replace(string_agg(fund_plain_slip(part), '.' ORDER BY place),
      '^(?:NO\.|\.)*', ''), '.', ''), '^(?:NO)+(?=[0-9])', ''), ''), fund_plain_slip(typed))
  FROM regexp_split_to_table(normalize(replace(replace(typed, U&'\2116', 'No.'), U&'\00BA', 'o.'), NFKC),
    U&'[ .:\3002]') WITH ORDINALITY AS split (part, place)
$$;
