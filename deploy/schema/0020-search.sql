-- 0020-search: how a search goes about it no longer depends on statistics.
-- Predecessor: 0019.

-- Where statistics said that an organisation has no revoked certificate, and a campaign had just revoked thousands, each of these was held
-- against the words of all: 9 s with 20,000 certificates, 25 s with 200,000.
CREATE OR REPLACE FUNCTION certificate_search(part text, wanted_serial bytea, wanted_status text, wanted_state integer,
                                              expires_from timestamptz, expires_until timestamptz, before bigint, page integer)
RETURNS TABLE (id bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET jit = off AS $$
DECLARE
    walk CONSTANT bigint := 10000;
    own CONSTANT bigint := inkan_organisation();
    moment CONSTANT timestamptz := inkan_now();
    patterns CONSTANT text[] := certificate_pattern(part);
    from_time CONSTANT timestamptz := greatest(expires_from, CASE WHEN wanted_status = 'valid' THEN moment END);
    until_time CONSTANT timestamptz := least(expires_until, CASE WHEN wanted_status = 'expired' THEN moment END);
    revoked CONSTANT text := ' AND f.revoked';
    not_revoked CONSTANT text := ' AND NOT f.revoked';
    queued CONSTANT text := ' AND f.certificate IN (SELECT n.certificate FROM notice n WHERE n.state = ''queued'' AND n.kind = ANY (%L))';
    not_queued CONSTANT text := ' AND NOT EXISTS (SELECT FROM (SELECT kind, state FROM notice WHERE certificate = f.certificate OFFSET 0) n'
        ' WHERE n.state = ''queued'' AND n.kind = ANY (%L))';
    renewal CONSTANT text := ' AND f.fetched AND f.replaces IS NOT NULL AND %s EXISTS (SELECT FROM certificate_facts old'
        ' WHERE old.certificate = f.replaces AND NOT old.revoked AND old.not_after >= $6)';
    from_facts text := 'SELECT f.certificate FROM certificate_facts f';
    facts text := ' WHERE f.organisation = $1 AND f.certificate >= $2 AND f.certificate < $3';
    words text := '';
    due CONSTANT text := 'FROM certificate_words_due d JOIN certificate c ON c.id = d.certificate JOIN application a ON a.id = c.application'
        ' WHERE d.organisation = $1 AND d.certificate >= $2 AND d.certificate < $3 AND certificate_words(c, a) LIKE ANY ($8)';
    lowest bigint := 0;
    highest bigint := before;
    got integer := 0;
    more integer;
BEGIN
    facts := facts || CASE WHEN wanted_status = 'revoked' THEN revoked WHEN wanted_status IS NOT NULL THEN not_revoked ELSE '' END
        || CASE wanted_state
               WHEN 3 THEN not_revoked || ' AND NOT f.fetched' || format(queued, '{issued}')
               WHEN 4 THEN not_revoked || ' AND NOT f.fetched' || format(not_queued, '{issued}')
               WHEN 5 THEN not_revoked || ' AND f.fetched AND f.replaces IS NULL' || format(not_queued, '{fetched,renewed}')
               WHEN 6 THEN not_revoked || format(renewal, 'NOT') || format(not_queued, '{fetched,renewed}')
               WHEN 7 THEN revoked || format(not_queued, '{revoked}')
               WHEN 8 THEN not_revoked || format(renewal, '') || format(not_queued, '{fetched,renewed}')
               WHEN 9 THEN not_revoked || ' AND f.fetched' || format(queued, '{fetched,renewed}')
               WHEN 10 THEN revoked || format(queued, '{revoked}')
               ELSE CASE WHEN wanted_state IS NULL THEN '' ELSE ' AND false' END END
        || CASE WHEN from_time IS NULL THEN '' ELSE ' AND f.not_after >= $4' END
        || CASE WHEN until_time IS NULL THEN '' ELSE ' AND f.not_after < $5' END;
    IF wanted_serial IS NOT NULL THEN
        RETURN QUERY EXECUTE from_facts || facts || ' AND f.certificate IN (SELECT c.id FROM issuer i JOIN certificate c ON c.issuer = i.id WHERE c.serial = $7)'
            USING own, lowest, highest, from_time, until_time, moment, wanted_serial;
        GET DIAGNOSTICS got = ROW_COUNT;
        IF got > 0 THEN
            RETURN;
        END IF;
    END IF;
    IF part IS NOT NULL THEN
        SELECT w.certificate INTO lowest FROM certificate_words w WHERE w.organisation = own AND w.certificate < before
         ORDER BY w.certificate DESC OFFSET walk - 1 LIMIT 1;
        lowest := COALESCE(lowest, 0);
        -- The walk looks up each certificate's words by its number, and keeps off the index over the words.
        words := ' AND (EXISTS (SELECT FROM certificate_words w WHERE w.organisation = $1 AND w.certificate = f.certificate'
                 ' AND w.certificate >= $2 AND w.certificate < $3 AND (w.words || '''') LIKE ANY ($8))'
                 ' OR f.certificate IN (SELECT d.certificate ' || due || '))';
    END IF;
    LOOP
        RETURN QUERY EXECUTE from_facts || facts || words || ' ORDER BY f.certificate DESC LIMIT $9'
            USING own, lowest, highest, from_time, until_time, moment, wanted_serial, patterns, page - got;
        GET DIAGNOSTICS more = ROW_COUNT;
        got := got + more;
        EXIT WHEN lowest = 0 OR got = page;
        highest := lowest;
        lowest := 0;
        -- What has the words is found by the index, and looked up: never the other way round.
        words := '';
        from_facts := 'SELECT f.certificate FROM (SELECT w.certificate FROM certificate_words w WHERE w.organisation = $1'
                      ' AND w.certificate < $3 AND w.words LIKE ANY ($8) UNION SELECT d.certificate ' || due || ') has'
                      ' CROSS JOIN LATERAL (SELECT * FROM certificate_facts f WHERE f.organisation = $1 AND f.certificate = has.certificate OFFSET 0) f';
    END LOOP;
END $$;

-- Of statistics without a queued mail any index of queued mails looked as good as another, and 100,000 were read for each certificate.
-- OFFSET 0: the mails of a certificate by its number, then what they are.
CREATE OR REPLACE FUNCTION certificate_state(c certificate) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH queued AS (
        SELECT n.kind FROM (SELECT kind, state FROM notice WHERE certificate = c.id OFFSET 0) n WHERE n.state = 'queued')
    SELECT CASE
        WHEN EXISTS (SELECT FROM revocation r WHERE r.certificate = c.id) THEN
            CASE WHEN EXISTS (SELECT FROM queued q WHERE q.kind = 'revoked') THEN 10 ELSE 7 END
        WHEN c.fetched IS NULL THEN CASE WHEN EXISTS (SELECT FROM queued q WHERE q.kind = 'issued') THEN 3 ELSE 4 END
        WHEN EXISTS (SELECT FROM queued q WHERE q.kind IN ('fetched', 'renewed')) THEN 9
        ELSE COALESCE((SELECT CASE WHEN certificate_valid(old) THEN 8 ELSE 6 END
                         FROM (SELECT target FROM application WHERE id = c.application OFFSET 0) a
                         JOIN certificate old ON old.id = a.target), 5) END
$$;
