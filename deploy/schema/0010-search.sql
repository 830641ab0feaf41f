-- 0010-search: certificates found by any part of what people know of them.
-- Predecessor: 0009.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Two narrow tables beside the wide ones, as an index would be: kept by triggers, read by certificate_search() alone. They are two
-- because facts change (download, revocation) and the index over the words is dear to change.
CREATE TABLE certificate_words (
    organisation bigint NOT NULL,
    certificate  bigint NOT NULL REFERENCES certificate,
    words        text NOT NULL,
    PRIMARY KEY (organisation, certificate)
);
CREATE INDEX certificate_words_part ON certificate_words USING gin (words gin_trgm_ops);
COMMENT ON TABLE certificate_words IS 'What certificates are searched by.';
COMMENT ON COLUMN certificate_words.organisation IS 'Whose (same as the certificate''s).';
COMMENT ON COLUMN certificate_words.certificate IS 'Which certificate.';
COMMENT ON COLUMN certificate_words.words IS 'certificate_words(certificate, application).';

CREATE TABLE certificate_facts (
    organisation bigint NOT NULL,
    certificate  bigint NOT NULL REFERENCES certificate,
    not_after    timestamptz NOT NULL,
    fetched      boolean NOT NULL,
    revoked      boolean NOT NULL DEFAULT false,
    replaces     bigint,
    PRIMARY KEY (organisation, certificate)
);
CREATE UNIQUE INDEX certificate_facts_certificate ON certificate_facts (certificate);
CREATE INDEX certificate_facts_not_after ON certificate_facts (organisation, not_after);
CREATE INDEX certificate_facts_unfetched ON certificate_facts (organisation, certificate) WHERE NOT fetched AND NOT revoked;
CREATE INDEX certificate_facts_revoked ON certificate_facts (organisation, certificate) WHERE revoked;
CREATE INDEX certificate_facts_renewal ON certificate_facts (organisation, certificate) WHERE fetched AND NOT revoked AND replaces IS NOT NULL;
COMMENT ON TABLE certificate_facts IS 'What the state of a certificate follows from (certificate_state()).';
COMMENT ON COLUMN certificate_facts.organisation IS 'Whose (same as the certificate''s).';
COMMENT ON COLUMN certificate_facts.certificate IS 'Which certificate.';
COMMENT ON COLUMN certificate_facts.not_after IS 'certificate.not_after.';
COMMENT ON COLUMN certificate_facts.fetched IS 'Its manager has it.';
COMMENT ON COLUMN certificate_facts.revoked IS 'There is a revocation of it.';
COMMENT ON COLUMN certificate_facts.replaces IS 'The certificate that it renewed, or null.';
CREATE INDEX notice_queued ON notice (certificate) WHERE state = 'queued';
COMMENT ON INDEX notice_queued IS 'The states 3, 9 and 10: certificates whose mail waits.';

-- A trigram index finds no part of one or two letters. Those of scripts that write without blanks get helpers: before each two of
-- them, twice, a letter that nobody writes (U+01C3).
CREATE FUNCTION certificate_words(c certificate, a application) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT lower(concat_ws(' ', '', a.dn, array_to_string(a.names, ' '), manager, COALESCE(c.manager_mail, a.manager_mail)))
           || COALESCE((SELECT string_agg(' ǃǃ' || substr(manager, i, 2), '') FROM generate_series(1, length(manager)) AS i
                         WHERE ascii(substr(manager, i, 1)) > 127), '')
      FROM (SELECT COALESCE(c.manager_name, a.manager_name)) AS m (manager)
$$;
COMMENT ON FUNCTION certificate_words(certificate, application) IS 'DN, dNSNames, manager''s name and address, in lower case.';

CREATE FUNCTION certificate_search_add() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO certificate_words (organisation, certificate, words)
    SELECT c.organisation, c.id, certificate_words(c, a) FROM made m JOIN certificate c ON c.id = m.id JOIN application a ON a.id = m.application
     ORDER BY c.id;
    INSERT INTO certificate_facts (organisation, certificate, not_after, fetched, replaces)
    SELECT m.organisation, m.id, m.not_after, m.fetched IS NOT NULL, a.target FROM made m JOIN application a ON a.id = m.application
     ORDER BY m.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION certificate_search_add() IS 'Trigger: new certificates can be found.';
CREATE TRIGGER certificate_search_add AFTER INSERT ON certificate
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION certificate_search_add();

CREATE FUNCTION certificate_search_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE certificate_facts f SET fetched = n.fetched IS NOT NULL, not_after = n.not_after FROM changed n
     WHERE f.organisation = n.organisation AND f.certificate = n.id AND (f.fetched, f.not_after) <> (n.fetched IS NOT NULL, n.not_after);
    UPDATE certificate_words w SET words = certificate_words(c, a)
      FROM changed n JOIN former o ON o.id = n.id JOIN certificate c ON c.id = n.id JOIN application a ON a.id = n.application
     WHERE w.organisation = n.organisation AND w.certificate = n.id AND (n.manager_name, n.manager_mail) IS DISTINCT FROM (o.manager_name, o.manager_mail);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION certificate_search_change() IS 'Trigger: a certificate was downloaded, or its manager has changed.';
CREATE TRIGGER certificate_search_change AFTER UPDATE ON certificate
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION certificate_search_change();

CREATE FUNCTION certificate_search_revoked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE certificate_facts f SET revoked = true FROM made r WHERE f.certificate = r.certificate;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION certificate_search_revoked() IS 'Trigger: a certificate was revoked.';
CREATE TRIGGER certificate_search_revoked AFTER INSERT ON revocation
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION certificate_search_revoked();

INSERT INTO certificate_words SELECT c.organisation, c.id, certificate_words(c, a) FROM certificate c JOIN application a ON a.id = c.application;
INSERT INTO certificate_facts
SELECT c.organisation, c.id, c.not_after, c.fetched IS NOT NULL, EXISTS (SELECT FROM revocation r WHERE r.certificate = c.id), a.target
  FROM certificate c JOIN application a ON a.id = c.application;

CREATE FUNCTION certificate_pattern(part text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN length(part) > 2 THEN ARRAY['%' || literal || '%']
                WHEN ascii(part) > 127 THEN ARRAY['%ǃǃ' || literal || '%']
                ELSE ARRAY['% ' || literal || '%', '%.' || literal || '%', '%-' || literal || '%', '%@' || literal || '%', '%=' || literal || '%'] END
      FROM replace(replace(replace(lower(part), '\', '\\'), '%', '\%'), '_', '\_') AS literal
$$;
COMMENT ON FUNCTION certificate_pattern(text) IS 'LIKE patterns for a part of the words; one or two letters find the beginnings of words.';

-- Written out for the criteria that are there, so that each can choose its index. A search for words that matches much ends in the
-- walk over the newest; one that matches little needs the index over the words, and the walk was cheap. The planner cannot know
-- beforehand which it is: the words of one organisation's certificates are much alike.
CREATE FUNCTION certificate_search(part text, wanted_serial bytea, wanted_status text, wanted_state integer,
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
                 ' AND w.certificate < $3 AND (w.words || '''') LIKE ANY ($8))';
    END IF;
    LOOP
        RETURN QUERY EXECUTE facts || words || ' ORDER BY f.certificate DESC LIMIT $9'
            USING own, lowest, highest, from_time, until_time, moment, wanted_serial, patterns, page - got;
        GET DIAGNOSTICS more = ROW_COUNT;
        got := got + more;
        EXIT WHEN lowest = 0 OR got = page;
        highest := lowest;
        lowest := 0;
        words := ' AND f.certificate IN (SELECT w.certificate FROM certificate_words w WHERE w.organisation = $1 AND w.words LIKE ANY ($8))';
    END LOOP;
END $$;
COMMENT ON FUNCTION certificate_search(text, bytea, text, integer, timestamptz, timestamptz, bigint, integer) IS
    'Certificates of the organisation of this transaction by all criteria that are not null, the newest first, below the id before. A serial that fits goes before the words.';
