-- 0004-whois: how answers of the whois daemon come in. That daemon reads hostile bytes, so it may do nothing but end its own
-- questions, through these functions.
-- Predecessor: 0003.

CREATE FUNCTION ask_end(wanted_jobs bigint[], wanted_tokens bigint[], wanted_domain text)
RETURNS TABLE (ended_job bigint, decide_job bigint) LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ended_upload bigint;
    ended_organisation bigint;
    asks_left integer;
BEGIN
    FOR ended_job, ended_upload, ended_organisation IN
        WITH ended AS (
            DELETE FROM job j USING unnest(wanted_jobs, wanted_tokens) AS w (id, token)
             WHERE j.id = w.id AND j.token = w.token AND j.stage = 'ask' AND j.subject = wanted_domain
            RETURNING j.id, j.upload, j.organisation)
        SELECT id, upload, organisation FROM ended ORDER BY upload
    LOOP
        UPDATE upload SET open_asks = open_asks - 1 WHERE id = ended_upload RETURNING open_asks INTO asks_left;
        decide_job := NULL;
        IF asks_left = 0 THEN
            INSERT INTO job (stage, turn, organisation, upload)
            VALUES ('decide', job_turn('decide', ended_organisation), ended_organisation, ended_upload)
            RETURNING id INTO decide_job;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ask_end(bigint[], bigint[], text) IS
    'Ends ask jobs of one domain by id and token; an upload whose last question this was gets its decide job. A row per job ended.';

CREATE FUNCTION ask_finish(wanted_jobs bigint[], wanted_tokens bigint[], wanted_domain text, wanted_outcome text,
                           wanted_registrant_ja text, wanted_registrant_en text, wanted_status text, wanted_server text,
                           wanted_detail text)
RETURNS TABLE (ended_job bigint, decide_job bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM ask_end(wanted_jobs, wanted_tokens, wanted_domain);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO whois_answer (domain, outcome, registrant_ja, registrant_en, status, server, detail)
    VALUES (wanted_domain, wanted_outcome, wanted_registrant_ja, wanted_registrant_en, wanted_status, wanted_server,
            wanted_detail);
END
$$;
COMMENT ON FUNCTION ask_finish(bigint[], bigint[], text, text, text, text, text, text, text) IS
    'Result of one WHOIS query for all jobs that wait for it: ends them and records the answer. No row and no answer when every token is old.';

CREATE FUNCTION whois_fresh(wanted_domain text, since timestamptz) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT id FROM whois_answer
     WHERE domain = wanted_domain AND outcome <> 'unreachable' AND asked >= since
     ORDER BY asked DESC LIMIT 1
$$;
COMMENT ON FUNCTION whois_fresh(text, timestamptz) IS
    'The newest answer that may be used again; unreachable never. For an upload, since = upload.created - whois.cache.';

CREATE FUNCTION ask_reuse(wanted_job bigint, wanted_token bigint, wanted_domain text, cache_usec bigint)
RETURNS TABLE (ended_job bigint, decide_job bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM job j JOIN upload u ON u.id = j.upload
                WHERE j.id = wanted_job AND j.token = wanted_token
                  AND whois_fresh(wanted_domain, u.created - cache_usec * interval '1 microsecond') IS NOT NULL) THEN
        RETURN QUERY SELECT * FROM ask_end(ARRAY[wanted_job], ARRAY[wanted_token], wanted_domain);
    END IF;
END
$$;
COMMENT ON FUNCTION ask_reuse(bigint, bigint, text, bigint) IS
    'Ends an ask job without a query when another upload''s question was answered meanwhile and the answer is fresh; else no row.';
