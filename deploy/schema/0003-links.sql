-- 0003-links: one-time links. The public listener's role sees no table of them; all it may do is in these functions.
-- Predecessor: 0002.

CREATE SEQUENCE link_delivery;
COMMENT ON SEQUENCE link_delivery IS 'Tokens of deliveries: only the delivery that holds the link may burn it or give it back.';

CREATE FUNCTION link_status(l link) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN l.state = 'revoked' OR EXISTS (
            SELECT FROM certificate c JOIN revocation r ON r.issuer = c.issuer AND r.serial = c.serial
             WHERE c.id = l.certificate) THEN 'revoked'
        WHEN l.state <> 'open' THEN l.state
        WHEN l.expires <= inkan_now() THEN 'expired'
        WHEN l.delivery_until > clock_timestamp() THEN 'busy'
        ELSE 'open' END
$$;
COMMENT ON FUNCTION link_status(link) IS 'open, busy (being delivered), used, superseded, revoked or expired.';

CREATE FUNCTION link_look(wanted_hash bytea)
RETURNS TABLE (status text, expires timestamptz, der bytea, organisation_ja text, organisation_en text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT link_status(seen), seen.expires, c.der, o.name_ja, o.name_en
      FROM link seen JOIN certificate c ON c.id = seen.certificate JOIN organisation o ON o.id = seen.organisation
     WHERE seen.token_hash = wanted_hash
$$;
COMMENT ON FUNCTION link_look(bytea) IS 'What the page behind a link shows; changes nothing. No row: nobody knows the token.';

CREATE FUNCTION link_take(wanted_hash bytea, lease_usec bigint,
                          OUT status text, OUT taken_link bigint, OUT taken_delivery bigint, OUT cn text, OUT der bytea,
                          OUT issuer_der bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted link;
BEGIN
    SELECT * INTO wanted FROM link WHERE token_hash = wanted_hash FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        status := 'unknown';
        RETURN;
    END IF;
    status := link_status(wanted);
    IF status <> 'open' THEN
        RETURN;
    END IF;
    taken_link := wanted.id;
    UPDATE link SET delivery = nextval('link_delivery'),
                    delivery_until = clock_timestamp() + lease_usec * interval '1 microsecond'
     WHERE id = wanted.id RETURNING delivery INTO taken_delivery;
    SELECT c.cn, c.der, i.certificate INTO cn, der, issuer_der
      FROM certificate c JOIN issuer i ON i.id = c.issuer WHERE c.id = wanted.certificate;
END
$$;
COMMENT ON FUNCTION link_take(bytea, bigint) IS
    'Begins a delivery: the certificate and a token for link_burn() or link_give_back(), or, as status, why not.';

CREATE FUNCTION link_burn(wanted_link bigint, wanted_delivery bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    burnt link;
    taken certificate;
    send_job bigint;
BEGIN
    -- The certificate before its link, as link_resend() locks them.
    SELECT * INTO taken FROM certificate WHERE id = (SELECT certificate FROM link WHERE id = wanted_link)
       FOR NO KEY UPDATE;
    UPDATE link SET state = 'used', used = inkan_now(), delivery = NULL, delivery_until = NULL
     WHERE id = wanted_link AND delivery = wanted_delivery AND state = 'open' RETURNING * INTO burnt;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE certificate SET fetched = inkan_now() WHERE id = taken.id AND fetched IS NULL;
    INSERT INTO audit_event (kind, organisation, upload, application, subject, detail)
    SELECT 'link_used', taken.organisation, a.upload, a.id, encode(taken.serial, 'hex'),
           jsonb_build_object('link', burnt.id, 'generation', burnt.generation)
      FROM application a WHERE a.id = taken.application;
    INSERT INTO job (stage, turn, organisation) VALUES ('send', job_turn('send', taken.organisation), taken.organisation)
    RETURNING id INTO send_job;
    INSERT INTO notice (kind, organisation, certificate, link, recipient, greeting, job)
    SELECT DISTINCT ON (r.mail) 'fetched', taken.organisation, taken.id, burnt.id, r.mail, r.name, send_job
      FROM registrar r WHERE r.organisation = taken.organisation AND r.state = 'active' ORDER BY r.mail, r.id
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        DELETE FROM job WHERE id = send_job;
        RETURN 0;
    END IF;
    RETURN send_job;
END
$$;
COMMENT ON FUNCTION link_burn(bigint, bigint) IS
    'Ends a delivery that arrived whole: link used, certificate fetched, registrars'' notices, audit. The send job; 0: no registrar; null: the delivery does not hold the link any more.';

CREATE FUNCTION link_give_back(wanted_link bigint, wanted_delivery bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE link SET delivery = NULL, delivery_until = NULL WHERE id = wanted_link AND delivery = wanted_delivery
    RETURNING true
$$;
COMMENT ON FUNCTION link_give_back(bigint, bigint) IS 'Ends a delivery that did not arrive: the link may be used again at once.';

CREATE FUNCTION link_resend(wanted_application bigint, wanted_registrar bigint, life_days integer,
                            OUT status text, OUT new_link bigint, OUT new_expires timestamptz, OUT send_job bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted certificate;
    last link;
    row_of application;
BEGIN
    IF life_days NOT BETWEEN 1 AND 366
       OR NOT EXISTS (SELECT FROM registrar r WHERE r.id = wanted_registrar AND r.state = 'active'
                         AND r.organisation = inkan_organisation()) THEN
        RAISE EXCEPTION 'link_resend: no such registrar, or a life of % days', life_days;
    END IF;
    SELECT * INTO wanted FROM certificate c
     WHERE c.application = wanted_application AND c.organisation = inkan_organisation() FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        status := 'unknown';
        RETURN;
    END IF;
    SELECT * INTO last FROM link l WHERE l.certificate = wanted.id ORDER BY l.generation DESC LIMIT 1 FOR NO KEY UPDATE;
    status := link_status(last);
    IF status IN ('revoked', 'busy') THEN
        RETURN;
    END IF;
    SELECT * INTO row_of FROM application a WHERE a.id = wanted_application;
    UPDATE link l SET state = 'superseded' WHERE l.certificate = wanted.id AND l.state = 'open';
    INSERT INTO link (certificate, organisation, generation, expires)
    VALUES (wanted.id, wanted.organisation, last.generation + 1, inkan_now() + life_days * interval '1 day')
    RETURNING id, expires INTO new_link, new_expires;
    INSERT INTO job (stage, turn, organisation) VALUES ('send', job_turn('send', wanted.organisation), wanted.organisation)
    RETURNING id INTO send_job;
    INSERT INTO notice (kind, organisation, certificate, link, recipient, greeting, job)
    VALUES ('issued', wanted.organisation, wanted.id, new_link, row_of.manager_mail, COALESCE(row_of.manager_name, ''),
            send_job);
    INSERT INTO audit_event (actor, kind, organisation, upload, application, subject, detail)
    VALUES ('registrar:' || wanted_registrar, 'link_resent', wanted.organisation, row_of.upload, row_of.id,
            encode(wanted.serial, 'hex'), jsonb_build_object('link', new_link, 'generation', last.generation + 1));
    status := 'sent';
END
$$;
COMMENT ON FUNCTION link_resend(bigint, bigint, integer) IS
    'The next generation of a certificate''s link and its mail, for the organisation of this transaction; the old link dies. status: sent, unknown, busy or revoked.';

CREATE FUNCTION certificate_state(c certificate) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM revocation r WHERE r.issuer = c.issuer AND r.serial = c.serial) THEN 7
        WHEN c.fetched IS NULL AND EXISTS (
            SELECT FROM notice n WHERE n.certificate = c.id AND n.kind = 'issued' AND n.state = 'queued') THEN 3
        WHEN c.fetched IS NULL THEN 4
        WHEN EXISTS (SELECT FROM notice n WHERE n.certificate = c.id AND n.kind = 'fetched' AND n.state = 'queued') THEN 9
        ELSE 5 END
$$;
COMMENT ON FUNCTION certificate_state(certificate) IS
    'The manual''s 状態 of an issued certificate: 3 発行案内メール送信待ち, 4 同送信済み, 9 完了メール送信待ち, 5 発行処理完了, 7 失効処理完了.';
