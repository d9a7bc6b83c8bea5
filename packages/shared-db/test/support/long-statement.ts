/** Counts to `?`: some twenty million a second. Nothing interrupts it. */
export const COUNT_TO =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) AS n FROM n';
