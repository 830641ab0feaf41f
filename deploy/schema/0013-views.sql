-- 0013-views: what registrars see of a certificate's life, of their numbers, and managers of a link that is over.
-- Predecessor: 0012.

-- The audit is closed to the ingress. Of one certificate of its own an organisation sees who had its link sent again and who changed
-- its manager; everything else of a certificate's history stands in the tables that it reads anyway.
CREATE INDEX audit_event_subject ON audit_event (subject) WHERE kind IN ('link_resent', 'manager_changed');
COMMENT ON INDEX audit_event_subject IS 'For certificate_audit().';
CREATE FUNCTION certificate_audit(wanted bigint)
RETURNS TABLE (at timestamptz, actor text, kind text, upload bigint, application bigint, detail jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT e.at, e.actor, e.kind, e.upload, e.application, e.detail
      FROM certificate c JOIN audit_event e ON e.subject = encode(c.serial, 'hex') AND e.organisation = c.organisation
     WHERE c.id = wanted AND c.organisation = inkan_organisation() AND e.kind IN ('link_resent', 'manager_changed')
$$;
COMMENT ON FUNCTION certificate_audit(bigint) IS
    'Who had the link of a certificate sent again and who changed its manager, for the organisation of this transaction.';

DROP FUNCTION link_look(bytea);
CREATE FUNCTION link_look(wanted_hash bytea)
RETURNS TABLE (status text, expires timestamptz, used timestamptz, der bytea, organisation_ja text, organisation_en text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.status, seen.expires, seen.used, CASE WHEN s.status IN ('open', 'busy') THEN c.der END, o.name_ja, o.name_en
      FROM link seen JOIN certificate c ON c.id = seen.certificate JOIN organisation o ON o.id = seen.organisation
      CROSS JOIN link_status(seen) AS s (status)
     WHERE seen.token_hash = wanted_hash
$$;
COMMENT ON FUNCTION link_look(bytea) IS
    'What the page behind a link shows; changes nothing. The certificate only while the link is good. No row: nobody knows the token.';

-- The statistics count these facts, by month and profile.
ALTER TABLE certificate_facts
    ADD issued  timestamptz,
    ADD profile smallint,
    ADD ended   timestamptz;
UPDATE certificate_facts f SET issued = c.issued, profile = a.profile,
       ended = (SELECT r.revoked FROM revocation r WHERE r.certificate = c.id)
  FROM certificate c JOIN application a ON a.id = c.application WHERE c.id = f.certificate;
ALTER TABLE certificate_facts ALTER issued SET NOT NULL, ALTER profile SET NOT NULL;
COMMENT ON COLUMN certificate_facts.issued IS 'certificate.issued.';
COMMENT ON COLUMN certificate_facts.profile IS '証明書プロファイルID.';
COMMENT ON COLUMN certificate_facts.ended IS 'When it was revoked, or null.';
CREATE INDEX certificate_facts_issued ON certificate_facts (organisation, issued) INCLUDE (profile, replaces);
CREATE INDEX certificate_facts_ended ON certificate_facts (organisation, ended) INCLUDE (profile) WHERE ended IS NOT NULL;
CREATE INDEX certificate_facts_good ON certificate_facts (organisation, profile, not_after) WHERE NOT revoked;
COMMENT ON INDEX certificate_facts_issued IS 'For certificate_statistics(): 発行数, 更新数.';
COMMENT ON INDEX certificate_facts_ended IS 'For certificate_statistics(): 失効数.';
COMMENT ON INDEX certificate_facts_good IS 'For certificate_statistics(): 有効数.';

CREATE OR REPLACE FUNCTION certificate_search_add() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO certificate_words (organisation, certificate, words)
    SELECT c.organisation, c.id, certificate_words(c, a) FROM made m JOIN certificate c ON c.id = m.id JOIN application a ON a.id = m.application
     ORDER BY c.id;
    INSERT INTO certificate_facts (organisation, certificate, not_after, fetched, replaces, issued, profile)
    SELECT m.organisation, m.id, m.not_after, m.fetched IS NOT NULL, a.target, m.issued, a.profile
      FROM made m JOIN application a ON a.id = m.application ORDER BY m.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION certificate_search_revoked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE certificate_facts f SET revoked = true, ended = r.revoked FROM made r WHERE f.certificate = r.certificate;
    RETURN NULL;
END $$;

-- A range of the index for each month, so that no time is computed for a row. Months are Japan's (UTC+9).
CREATE FUNCTION certificate_statistics(from_month date, to_month date)
RETURNS TABLE (month date, profile smallint, issued bigint, renewed bigint, revoked bigint, valid bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET jit = off AS $$
    WITH span AS (
        SELECT m::date AS month, (m - interval '9 hours') AT TIME ZONE 'UTC' AS begins,
               (m + interval '1 month' - interval '9 hours') AT TIME ZONE 'UTC' AS ends
          FROM generate_series(from_month::timestamp, to_month::timestamp, '1 month') AS m),
    made AS (
        SELECT s.month, n.* FROM span s CROSS JOIN LATERAL (
            SELECT f.profile, count(*) FILTER (WHERE f.replaces IS NULL) AS issued, count(f.replaces) AS renewed
              FROM certificate_facts f
             WHERE f.organisation = inkan_organisation() AND f.issued >= s.begins AND f.issued < s.ends GROUP BY f.profile) AS n),
    ended AS (
        SELECT s.month, n.* FROM span s CROSS JOIN LATERAL (
            SELECT f.profile, count(*) AS revoked FROM certificate_facts f
             WHERE f.organisation = inkan_organisation() AND f.ended >= s.begins AND f.ended < s.ends GROUP BY f.profile) AS n)
    SELECT month, profile, COALESCE(made.issued, 0), COALESCE(made.renewed, 0), COALESCE(ended.revoked, 0), NULL
      FROM made FULL JOIN ended USING (month, profile)
    UNION ALL
    SELECT NULL, f.profile, NULL, NULL, NULL, count(*) FROM certificate_facts f
     WHERE f.organisation = inkan_organisation() AND NOT f.revoked AND f.not_after >= inkan_now() GROUP BY f.profile
$$;
COMMENT ON FUNCTION certificate_statistics(date, date) IS
    '発行証明書統計照会 of the organisation of this transaction: 発行数, 更新数 and 失効数 of the months from the first to the last, and, with month null, 有効数 now.';
