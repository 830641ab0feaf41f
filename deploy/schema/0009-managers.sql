-- 0009-managers: a certificate's manager may change; a link is sent again to a corrected address.
-- Predecessor: 0008.

ALTER TABLE certificate
    ADD manager_name        text,
    ADD manager_affiliation text,
    ADD manager_mail        text,
    ADD software            text,
    ADD manager_changed     timestamptz;
COMMENT ON COLUMN certificate.manager_name IS '利用管理者氏名 as it is now; null: as applied for (application.manager_name). What it was before is in the audit.';
COMMENT ON COLUMN certificate.manager_affiliation IS '利用管理者所属 as it is now; null: as applied for.';
COMMENT ON COLUMN certificate.manager_mail IS '利用管理者mail as it is now, where links and notices go; null: as applied for.';
COMMENT ON COLUMN certificate.software IS '利用管理者ソフトウェア名・バージョン as it is now; null: as applied for.';
COMMENT ON COLUMN certificate.manager_changed IS 'When one of these was last changed.';
COMMENT ON COLUMN application.target IS 'The certificate that this row renews or revokes, or whose manager it changes; null when it issues.';

DROP FUNCTION link_resend(bigint, bigint, integer);

CREATE FUNCTION link_send_again(wanted certificate, life_days integer, new_mail text, who text, more jsonb,
                                OUT status text, OUT new_link bigint, OUT new_expires timestamptz, OUT send_job bigint,
                                OUT recipient text)
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    last link;
    row_of application;
BEGIN
    IF life_days NOT BETWEEN 1 AND 366 THEN
        RAISE EXCEPTION 'link_send_again: a life of % days', life_days;
    END IF;
    SELECT * INTO last FROM link l WHERE l.certificate = wanted.id ORDER BY l.generation DESC LIMIT 1 FOR NO KEY UPDATE;
    status := link_status(last);
    IF status IN ('revoked', 'busy') THEN
        RETURN;
    END IF;
    SELECT * INTO row_of FROM application a WHERE a.id = wanted.application;
    recipient := COALESCE(wanted.manager_mail, row_of.manager_mail);
    IF new_mail IS NOT NULL AND new_mail <> recipient THEN
        UPDATE certificate SET manager_mail = new_mail, manager_changed = inkan_now() WHERE id = wanted.id;
        INSERT INTO audit_event (actor, kind, organisation, upload, application, subject, detail)
        VALUES (who, 'manager_changed', wanted.organisation, row_of.upload, row_of.id, encode(wanted.serial, 'hex'),
                more || jsonb_build_object('before', jsonb_build_object('mail', recipient),
                                           'after', jsonb_build_object('mail', new_mail)));
        recipient := new_mail;
    END IF;
    UPDATE link l SET state = 'superseded' WHERE l.certificate = wanted.id AND l.state = 'open';
    INSERT INTO link (certificate, organisation, generation, expires)
    VALUES (wanted.id, wanted.organisation, last.generation + 1, inkan_now() + life_days * interval '1 day')
    RETURNING id, expires INTO new_link, new_expires;
    INSERT INTO job (stage, turn, organisation) VALUES ('send', job_turn('send', wanted.organisation), wanted.organisation)
    RETURNING id INTO send_job;
    INSERT INTO notice (kind, organisation, certificate, link, recipient, greeting, job)
    VALUES ('issued', wanted.organisation, wanted.id, new_link, recipient,
            COALESCE(wanted.manager_name, row_of.manager_name, ''), send_job);
    INSERT INTO audit_event (actor, kind, organisation, upload, application, subject, detail)
    VALUES (who, 'link_resent', wanted.organisation, row_of.upload, row_of.id, encode(wanted.serial, 'hex'),
            more || jsonb_build_object('link', new_link, 'generation', last.generation + 1));
    status := 'sent';
END
$$;
COMMENT ON FUNCTION link_send_again(certificate, integer, text, text, jsonb) IS
    'For the two functions below, which hold the certificate: the next generation of its link and its mail; the old link dies. new_mail, unless null, becomes the manager''s address.';

CREATE FUNCTION link_resend(wanted_application bigint, wanted_registrar bigint, life_days integer, new_mail text,
                            OUT status text, OUT new_link bigint, OUT new_expires timestamptz, OUT send_job bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted certificate;
BEGIN
    IF NOT EXISTS (SELECT FROM registrar r WHERE r.id = wanted_registrar AND r.state = 'active'
                      AND r.organisation = inkan_organisation()) THEN
        RAISE EXCEPTION 'link_resend: no such registrar';
    END IF;
    SELECT * INTO wanted FROM certificate c
     WHERE c.application = wanted_application AND c.organisation = inkan_organisation() FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        status := 'unknown';
        RETURN;
    END IF;
    SELECT s.status, s.new_link, s.new_expires, s.send_job INTO link_resend.status, link_resend.new_link,
           link_resend.new_expires, link_resend.send_job
      FROM link_send_again(wanted, life_days, new_mail, 'registrar:' || wanted_registrar, '{}') AS s;
END
$$;
COMMENT ON FUNCTION link_resend(bigint, bigint, integer, text) IS
    'Sends a certificate''s link again, for the organisation of this transaction. status: sent, unknown, busy or revoked.';

CREATE FUNCTION link_resend_by_operator(wanted_serial bytea, wanted_application bigint, life_days integer, new_mail text,
                                        reason text, by_whom text,
                                        OUT status text, OUT application bigint, OUT serial bytea, OUT recipient text,
                                        OUT new_expires timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted certificate;
BEGIN
    -- A serial number goes before an application's: it is 120 random bits, which no application's number has.
    SELECT * INTO wanted FROM certificate c WHERE c.serial = wanted_serial OR c.application = wanted_application
     ORDER BY c.serial IS DISTINCT FROM wanted_serial LIMIT 1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        status := 'unknown';
        RETURN;
    END IF;
    application := wanted.application;
    serial := wanted.serial;
    SELECT s.status, s.recipient, s.new_expires
      INTO link_resend_by_operator.status, link_resend_by_operator.recipient, link_resend_by_operator.new_expires
      FROM link_send_again(wanted, life_days, new_mail, session_user::text,
                           jsonb_build_object('reason', reason, 'by', by_whom)) AS s;
END
$$;
COMMENT ON FUNCTION link_resend_by_operator(bytea, bigint, integer, text, text, text) IS
    'The same for an operator, of any organisation, by serial number or by application.';

CREATE INDEX certificate_unfetched ON certificate (organisation, id) WHERE fetched IS NULL;
COMMENT ON INDEX certificate_unfetched IS 'For store/link_list.c.';

ALTER TABLE notice
    DROP CONSTRAINT notice_kind_check,
    ADD CONSTRAINT notice_kind_check
        CHECK (kind IN ('issued', 'fetched', 'renewed', 'replace', 'revoked', 'expiring', 'campaign', 'unfetched', 'lapsed'));
COMMENT ON COLUMN notice.kind IS 'services/mailer/mails.def: issued = サーバ証明書発行受付通知, fetched = サーバ証明書取得通知, renewed = Webサーバ用証明書更新通知, replace = 旧証明書失効依頼再通知, revoked = サーバ証明書失効完了通知, expiring = 有効期限の通知, campaign = サーバ証明書一括失効完了通知, unfetched = サーバ証明書未取得通知, lapsed = サーバ証明書取得期限切れ通知.';
COMMENT ON COLUMN notice.link IS 'issued: the one-time link it carries; fetched: the one that was used; unfetched, lapsed: the one that was not.';

ALTER TABLE reminder
    DROP CONSTRAINT reminder_kind_check,
    ADD CONSTRAINT reminder_kind_check CHECK (kind IN ('replace', 'expiring', 'unfetched', 'lapsed')),
    ADD link bigint REFERENCES link,
    ADD CONSTRAINT reminder_link CHECK ((kind IN ('unfetched', 'lapsed')) = (link IS NOT NULL));
COMMENT ON TABLE reminder IS 'Notices that will be due: of a certificate that was fetched, entered then; of a link, entered when its token is made. Whether one is still wanted is judged when it is due.';
COMMENT ON COLUMN reminder.link IS 'unfetched, lapsed: whose end it is about.';

-- As in 0005; what was fetched needs no reminder that it was not.
CREATE OR REPLACE FUNCTION link_burn(wanted_link bigint, wanted_delivery bigint, remind_days integer, old_reason integer,
                          expiry_days integer[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    burnt link;
    taken certificate;
    row_of application;
    old_valid boolean;
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
    SELECT * INTO row_of FROM application a WHERE a.id = taken.application;
    old_valid := EXISTS (SELECT FROM certificate old WHERE old.id = row_of.target AND certificate_valid(old));
    UPDATE certificate SET fetched = inkan_now() WHERE id = taken.id AND fetched IS NULL;
    IF FOUND THEN
        DELETE FROM reminder WHERE certificate = taken.id AND kind IN ('unfetched', 'lapsed');
        INSERT INTO reminder (certificate, kind, due)
        SELECT taken.id, 'replace', inkan_now() + remind_days * interval '1 day' WHERE old_valid AND remind_days > 0;
        INSERT INTO reminder (certificate, kind, round, due)
        SELECT taken.id, 'expiring', n, at FROM (
            SELECT n, taken.not_after - days * interval '1 day' AS at FROM unnest(expiry_days) WITH ORDINALITY AS d (days, n)) AS r
         WHERE at > inkan_now() ORDER BY at LIMIT 1;
    END IF;
    INSERT INTO audit_event (kind, organisation, upload, application, subject, detail)
    VALUES ('link_used', taken.organisation, row_of.upload, row_of.id, encode(taken.serial, 'hex'),
            jsonb_build_object('link', burnt.id, 'generation', burnt.generation));
    INSERT INTO job (stage, turn, organisation) VALUES ('send', job_turn('send', taken.organisation), taken.organisation)
    RETURNING id INTO send_job;
    INSERT INTO notice (kind, organisation, certificate, link, replaced, attached, recipient, greeting, job)
    SELECT DISTINCT ON (r.mail) CASE WHEN row_of.target IS NULL THEN 'fetched' ELSE 'renewed' END, taken.organisation, taken.id,
           burnt.id, row_of.target, CASE WHEN old_valid THEN old_reason END, r.mail, r.name, send_job
      FROM registrar r WHERE r.organisation = taken.organisation AND r.state = 'active' ORDER BY r.mail, r.id
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        DELETE FROM job WHERE id = send_job;
        RETURN 0;
    END IF;
    RETURN send_job;
END
$$;
