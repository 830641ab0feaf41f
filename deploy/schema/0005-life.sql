-- 0005-life: renewing and revoking certificates.
-- Predecessor: 0004.

ALTER TABLE application
    ADD target  bigint REFERENCES certificate,
    ADD reason  smallint CHECK (reason IN (0, 1, 3, 4, 5)),
    ADD comment text;
CREATE INDEX application_target ON application (target) WHERE target IS NOT NULL;
COMMENT ON INDEX application_target IS 'What renewed or revoked a certificate.';
COMMENT ON COLUMN application.target IS 'The certificate that this row renews or revokes; null when it issues.';
COMMENT ON COLUMN application.reason IS '失効理由 (RFC 5280 5.3.1); null unless the row revokes.';
COMMENT ON COLUMN application.comment IS '失効理由コメント.';

ALTER TABLE dn_taken ADD renewing bigint REFERENCES application;
CREATE INDEX dn_taken_renewing ON dn_taken (renewing) WHERE renewing IS NOT NULL;
COMMENT ON INDEX dn_taken_renewing IS 'For the end of a renewal.';
COMMENT ON COLUMN dn_taken.application IS 'Who holds it: the last application for it that got a certificate, or the first.';
COMMENT ON COLUMN dn_taken.renewing IS 'The renewal under way; another one is refused until it has ended.';

ALTER TABLE job DROP CONSTRAINT job_stage_check;
ALTER TABLE job ADD CONSTRAINT job_stage_check CHECK (stage IN ('check', 'ask', 'decide', 'sign', 'revoke', 'send', 'remind', 'crl'));

ALTER TABLE revocation ADD application bigint REFERENCES application;
CREATE UNIQUE INDEX revocation_application ON revocation (application) WHERE application IS NOT NULL;
COMMENT ON INDEX revocation_application IS 'A row revokes once.';
CREATE UNIQUE INDEX revocation_certificate ON revocation (certificate) WHERE certificate IS NOT NULL;
COMMENT ON INDEX revocation_certificate IS 'A certificate is revoked once.';
COMMENT ON COLUMN revocation.application IS 'The row of a revocation file that asked for it; null for a voided intent.';

ALTER TABLE notice DROP CONSTRAINT notice_kind_check;
ALTER TABLE notice
    ADD CONSTRAINT notice_kind_check CHECK (kind IN ('issued', 'fetched', 'renewed', 'replace', 'revoked', 'expiring')),
    ADD replaced bigint REFERENCES certificate,
    ADD attached smallint CHECK (attached IN (0, 1, 3, 4, 5)),
    ADD round    smallint NOT NULL DEFAULT 1;
DROP INDEX notice_once;
CREATE UNIQUE INDEX notice_once ON notice (certificate, kind, recipient, COALESCE(link, 0), round);
COMMENT ON INDEX notice_once IS 'One mail per certificate, kind, recipient and round; a resent link is a new one.';
COMMENT ON COLUMN notice.kind IS 'services/mailer/mails.def: issued = サーバ証明書発行受付通知, fetched = サーバ証明書取得通知, renewed = Webサーバ用証明書更新通知, replace = 旧証明書失効依頼再通知, revoked = サーバ証明書失効完了通知, expiring = 有効期限の通知.';
COMMENT ON COLUMN notice.replaced IS 'renewed, replace: the old certificate.';
COMMENT ON COLUMN notice.attached IS 'renewed: 失効理由 in the attached revocation TSV of the old certificate; null: nothing is attached.';
COMMENT ON COLUMN notice.round IS 'expiring: which of the policy''s notices it is, from 1.';

CREATE TABLE reminder (
    certificate bigint NOT NULL REFERENCES certificate,
    kind        text NOT NULL CHECK (kind IN ('replace', 'expiring')),
    round       smallint NOT NULL DEFAULT 1,
    due         timestamptz NOT NULL,
    PRIMARY KEY (certificate, kind)
);
CREATE INDEX reminder_due ON reminder (due);
COMMENT ON INDEX reminder_due IS 'For store/remind_due.c.';
COMMENT ON TABLE reminder IS 'Notices that will be due, entered when a certificate is fetched. Whether one is still wanted is judged when it is due.';
COMMENT ON COLUMN reminder.certificate IS 'About which.';
COMMENT ON COLUMN reminder.kind IS 'notice.kind that it becomes.';
COMMENT ON COLUMN reminder.round IS 'notice.round of the next.';
COMMENT ON COLUMN reminder.due IS 'When.';

DROP FUNCTION link_burn(bigint, bigint);
CREATE FUNCTION link_burn(wanted_link bigint, wanted_delivery bigint, remind_days integer, old_reason integer,
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
COMMENT ON FUNCTION link_burn(bigint, bigint, integer, integer, integer[]) IS
    'Ends a delivery that arrived whole: link used, certificate fetched, registrars'' notices, reminders, audit. The send job; 0: no registrar; null: the delivery does not hold the link any more.';

CREATE FUNCTION certificate_valid(c certificate) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT c.not_after >= inkan_now() AND NOT EXISTS (SELECT FROM revocation r WHERE r.certificate = c.id)
$$;
COMMENT ON FUNCTION certificate_valid(certificate) IS 'Neither revoked nor expired.';

CREATE OR REPLACE FUNCTION certificate_state(c certificate) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM revocation r WHERE r.certificate = c.id) THEN
            CASE WHEN EXISTS (SELECT FROM notice n WHERE n.certificate = c.id AND n.kind = 'revoked' AND n.state = 'queued')
                 THEN 10 ELSE 7 END
        WHEN c.fetched IS NULL AND EXISTS (
            SELECT FROM notice n WHERE n.certificate = c.id AND n.kind = 'issued' AND n.state = 'queued') THEN 3
        WHEN c.fetched IS NULL THEN 4
        WHEN EXISTS (SELECT FROM notice n WHERE n.certificate = c.id AND n.kind IN ('fetched', 'renewed') AND n.state = 'queued') THEN 9
        ELSE COALESCE((SELECT CASE WHEN certificate_valid(old) THEN 8 ELSE 6 END
                         FROM application a JOIN certificate old ON old.id = a.target WHERE a.id = c.application), 5) END
$$;
COMMENT ON FUNCTION certificate_state(certificate) IS
    'The manual''s 状態 of an issued certificate: 3 発行案内メール送信待ち, 4 同送信済み, 9 完了メール送信待ち, 5 発行処理完了, 8 新証明書への置き換え待ち, 6 更新処理完了, 10 失効完了メール送信待ち, 7 失効処理完了.';

CREATE FUNCTION upload_line_of(wanted_upload bigint, wanted_seq integer) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT line FROM upload_line JOIN upload ON upload.id = upload_line.upload
     WHERE upload.id = wanted_upload AND seq = wanted_seq AND organisation = inkan_organisation()
$$;
COMMENT ON FUNCTION upload_line_of(bigint, integer) IS 'A row as it was sent, for the organisation of this transaction.';
