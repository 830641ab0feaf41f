-- 0018-words: the index over the words is kept behind the signer's back; foreign keys that nothing can break are gone.
-- Predecessor: 0017.

-- Taking a certificate's words apart and entering them costs as much as everything else of its issuing together. The signer enters
-- that they are due, in its transaction; the ingress, which alone searches, enters the words (store/certificate_words.c), and looks at
-- what is due one by one until then.
CREATE TABLE certificate_words_due (
    organisation bigint NOT NULL,
    certificate  bigint NOT NULL,
    PRIMARY KEY (organisation, certificate)
);
COMMENT ON TABLE certificate_words_due IS 'Certificates whose words are not in certificate_words yet.';
COMMENT ON COLUMN certificate_words_due.organisation IS 'Whose (same as the certificate''s).';
COMMENT ON COLUMN certificate_words_due.certificate IS 'Which certificate.';

-- Written by the triggers of certificate and revocation alone, as an index is.
ALTER TABLE certificate_words DROP CONSTRAINT certificate_words_certificate_fkey;
ALTER TABLE certificate_facts DROP CONSTRAINT certificate_facts_certificate_fkey;

CREATE OR REPLACE FUNCTION certificate_search_add() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO certificate_words_due (organisation, certificate) SELECT m.organisation, m.id FROM made m ORDER BY m.id;
    INSERT INTO certificate_facts (organisation, certificate, not_after, fetched, replaces, issued, profile)
    SELECT m.organisation, m.id, m.not_after, m.fetched IS NOT NULL, a.target, m.issued, a.profile
      FROM made m JOIN application a ON a.id = m.application ORDER BY m.id;
    RETURN NULL;
END $$;

-- Whoever enters the words at this moment has not seen the change: the entry of what is due waits for it, and what it has entered goes.
CREATE OR REPLACE FUNCTION certificate_search_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE certificate_facts f SET fetched = n.fetched IS NOT NULL, not_after = n.not_after FROM changed n
     WHERE f.organisation = n.organisation AND f.certificate = n.id AND (f.fetched, f.not_after) <> (n.fetched IS NOT NULL, n.not_after);
    INSERT INTO certificate_words_due AS due (organisation, certificate)
    SELECT n.organisation, n.id FROM changed n JOIN former o ON o.id = n.id
     WHERE (n.manager_name, n.manager_mail) IS DISTINCT FROM (o.manager_name, o.manager_mail) ORDER BY n.id
        ON CONFLICT (organisation, certificate) DO UPDATE SET certificate = due.certificate;
    DELETE FROM certificate_words w USING changed n, certificate_words_due d
     WHERE w.organisation = n.organisation AND w.certificate = n.id AND d.organisation = n.organisation AND d.certificate = n.id;
    RETURN NULL;
END $$;

CREATE FUNCTION certificate_words_enter(most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH taken AS (
        DELETE FROM certificate_words_due d USING (
            SELECT organisation, certificate FROM certificate_words_due ORDER BY organisation, certificate LIMIT most FOR UPDATE SKIP LOCKED) t
         WHERE d.organisation = t.organisation AND d.certificate = t.certificate RETURNING d.organisation, d.certificate),
    entered AS (
        INSERT INTO certificate_words AS w (organisation, certificate, words)
        SELECT t.organisation, c.id, certificate_words(c, a)
          FROM taken t JOIN certificate c ON c.id = t.certificate JOIN application a ON a.id = c.application ORDER BY c.id
            ON CONFLICT (organisation, certificate) DO UPDATE SET words = excluded.words RETURNING 1)
    SELECT count(*) FROM entered
$$;
COMMENT ON FUNCTION certificate_words_enter(integer) IS 'Enters the words of so many certificates that are due at most. How many they were.';

-- As in 0010; the words that are due are read from the certificates themselves.
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
    not_queued CONSTANT text := ' AND NOT EXISTS (SELECT FROM notice n WHERE n.certificate = f.certificate AND n.state = ''queued'' AND n.kind = ANY (%L))';
    renewal CONSTANT text := ' AND f.fetched AND f.replaces IS NOT NULL AND %s EXISTS (SELECT FROM certificate_facts old'
        ' WHERE old.certificate = f.replaces AND NOT old.revoked AND old.not_after >= $6)';
    facts text := 'SELECT f.certificate FROM certificate_facts f WHERE f.organisation = $1 AND f.certificate >= $2 AND f.certificate < $3';
    words text := '';
    due CONSTANT text := ' UNION ALL SELECT c.id FROM certificate_words_due d JOIN certificate c ON c.id = d.certificate'
        ' JOIN application a ON a.id = c.application WHERE d.organisation = $1 AND d.certificate >= $2 AND d.certificate < $3'
        ' AND certificate_words(c, a) LIKE ANY ($8))';
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
        RETURN QUERY EXECUTE facts || ' AND f.certificate IN (SELECT c.id FROM issuer i JOIN certificate c ON c.issuer = i.id WHERE c.serial = $7)'
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
        -- the walk keeps off the index over the words
        words := ' AND f.certificate IN (SELECT w.certificate FROM certificate_words w WHERE w.organisation = $1 AND w.certificate >= $2'
                 ' AND w.certificate < $3 AND (w.words || '''') LIKE ANY ($8)' || due;
    END IF;
    LOOP
        RETURN QUERY EXECUTE facts || words || ' ORDER BY f.certificate DESC LIMIT $9'
            USING own, lowest, highest, from_time, until_time, moment, wanted_serial, patterns, page - got;
        GET DIAGNOSTICS more = ROW_COUNT;
        got := got + more;
        EXIT WHEN lowest = 0 OR got = page;
        highest := lowest;
        lowest := 0;
        words := ' AND f.certificate IN (SELECT w.certificate FROM certificate_words w WHERE w.organisation = $1 AND w.words LIKE ANY ($8)' || due;
    END LOOP;
END $$;
