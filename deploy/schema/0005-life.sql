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
ALTER TABLE job ADD CONSTRAINT job_stage_check CHECK (stage IN ('check', 'ask', 'decide', 'sign', 'revoke', 'send', 'crl'));

ALTER TABLE revocation ADD application bigint REFERENCES application;
CREATE UNIQUE INDEX revocation_application ON revocation (application) WHERE application IS NOT NULL;
COMMENT ON INDEX revocation_application IS 'A row revokes once.';
CREATE UNIQUE INDEX revocation_certificate ON revocation (certificate) WHERE certificate IS NOT NULL;
COMMENT ON INDEX revocation_certificate IS 'A certificate is revoked once.';
COMMENT ON COLUMN revocation.application IS 'The row of a revocation file that asked for it; null for a voided intent.';

ALTER TABLE notice DROP CONSTRAINT notice_kind_check;
ALTER TABLE notice ADD CONSTRAINT notice_kind_check CHECK (kind IN ('issued', 'fetched', 'revoked'));
COMMENT ON COLUMN notice.kind IS 'services/mailer/mails.def: issued = サーバ証明書発行受付通知, fetched = サーバ証明書取得通知, revoked = サーバ証明書失効完了通知.';
