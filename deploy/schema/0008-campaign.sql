-- 0008-campaign: revoking many certificates at once; giving jobs up.
-- Predecessor: 0007.

CREATE TABLE campaign (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason             smallint NOT NULL CHECK (reason IN (0, 1, 3, 4, 5, 9)),
    comment            text NOT NULL,
    operator           text NOT NULL,
    selection          jsonb NOT NULL,
    code               text NOT NULL,
    certificates       integer NOT NULL,
    already_revoked    integer NOT NULL,
    expired            integer NOT NULL,
    in_flight          integer NOT NULL,
    open_organisations integer NOT NULL,
    created            timestamptz NOT NULL DEFAULT inkan_now(),
    ended              timestamptz
);
COMMENT ON TABLE campaign IS 'One inkanctl revoke: many certificates revoked for one reason.';
COMMENT ON COLUMN campaign.id IS 'Internal number.';
COMMENT ON COLUMN campaign.reason IS 'RFC 5280 5.3.1; 9 (privilegeWithdrawn) is for operators alone.';
COMMENT ON COLUMN campaign.comment IS 'Told to registrars and managers.';
COMMENT ON COLUMN campaign.operator IS 'Who executed it.';
COMMENT ON COLUMN campaign.selection IS 'What selected the certificates, as given.';
COMMENT ON COLUMN campaign.code IS 'Pins the selected set and the reason, as the dry run showed it.';
COMMENT ON COLUMN campaign.certificates IS 'Its items.';
COMMENT ON COLUMN campaign.already_revoked IS 'Selected, but revoked before.';
COMMENT ON COLUMN campaign.expired IS 'Selected, but expired.';
COMMENT ON COLUMN campaign.in_flight IS 'Selected applications that had no certificate yet.';
COMMENT ON COLUMN campaign.open_organisations IS 'Organisations with open items; whoever brings it to 0 ends the campaign.';
COMMENT ON COLUMN campaign.created IS 'When it was executed.';
COMMENT ON COLUMN campaign.ended IS 'When its last item ended.';

CREATE TABLE campaign_organisation (
    campaign     bigint NOT NULL REFERENCES campaign,
    organisation bigint NOT NULL REFERENCES organisation,
    items        integer NOT NULL,
    open_items   integer NOT NULL,
    PRIMARY KEY (campaign, organisation)
);
COMMENT ON TABLE campaign_organisation IS 'A campaign''s progress in one organisation.';
COMMENT ON COLUMN campaign_organisation.campaign IS 'Of which campaign.';
COMMENT ON COLUMN campaign_organisation.organisation IS 'Whose certificates.';
COMMENT ON COLUMN campaign_organisation.items IS 'How many.';
COMMENT ON COLUMN campaign_organisation.open_items IS 'Not ended yet; whoever brings it to 0 tells the registrars.';

CREATE TABLE campaign_item (
    campaign     bigint NOT NULL REFERENCES campaign,
    seq          integer NOT NULL,
    certificate  bigint NOT NULL REFERENCES certificate,
    organisation bigint NOT NULL,
    error        jsonb,
    PRIMARY KEY (campaign, seq),
    UNIQUE (campaign, certificate)
);
COMMENT ON TABLE campaign_item IS 'A certificate that a campaign revokes. What became of it is in revocation, or in error.';
COMMENT ON COLUMN campaign_item.campaign IS 'Of which campaign.';
COMMENT ON COLUMN campaign_item.seq IS 'From 1, by organisation and certificate; jobs name ranges of it.';
COMMENT ON COLUMN campaign_item.certificate IS 'What is revoked.';
COMMENT ON COLUMN campaign_item.organisation IS 'Whose certificate (same as the certificate''s).';
COMMENT ON COLUMN campaign_item.error IS 'Why it could not be revoked: {"code":…, "args":[…]}.';

CREATE TABLE campaign_stop (
    application bigint PRIMARY KEY REFERENCES application,
    campaign    bigint NOT NULL REFERENCES campaign
);
COMMENT ON TABLE campaign_stop IS 'Applications that were in flight when a campaign selected them: the signer ends them in an error.';
COMMENT ON COLUMN campaign_stop.application IS 'Which application.';
COMMENT ON COLUMN campaign_stop.campaign IS 'The first campaign that selected it.';

ALTER TABLE revocation
    ADD campaign bigint REFERENCES campaign,
    DROP CONSTRAINT revocation_reason_check,
    ADD CONSTRAINT revocation_reason_check CHECK (reason IN (0, 1, 3, 4, 5, 9));
COMMENT ON COLUMN revocation.campaign IS 'The campaign that asked for it; null for a row of a revocation file and for a voided intent.';
COMMENT ON COLUMN revocation.application IS 'The row of a revocation file that asked for it; null for a campaign and for a voided intent.';

ALTER TABLE job
    ADD campaign  bigint REFERENCES campaign,
    ADD discarded boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN job.campaign IS 'revoke: the campaign whose items seq_from to seq_to are its chunk, in place of an upload.';
COMMENT ON COLUMN job.organisation IS 'Whose work; 0 for campaigns, which are nobody''s and have a turn of their own; null for periodic work.';
COMMENT ON COLUMN job.discarded IS 'An operator gave it up: its daemon ends what it holds in an error state.';
COMMENT ON COLUMN job.seq_from IS 'check, sign, revoke: first line (or item) of the chunk.';
COMMENT ON COLUMN job.seq_to IS 'check, sign, revoke: last line (or item) of the chunk.';

ALTER TABLE notice
    DROP CONSTRAINT notice_kind_check,
    ADD CONSTRAINT notice_kind_check
        CHECK (kind IN ('issued', 'fetched', 'renewed', 'replace', 'revoked', 'expiring', 'campaign')),
    ADD campaign bigint REFERENCES campaign,
    ALTER certificate DROP NOT NULL,
    ADD CONSTRAINT notice_about CHECK ((kind = 'campaign') = (certificate IS NULL) AND (kind = 'campaign') = (campaign IS NOT NULL));
CREATE UNIQUE INDEX notice_campaign ON notice (campaign, organisation, recipient) WHERE campaign IS NOT NULL;
COMMENT ON INDEX notice_campaign IS 'One mail per campaign, organisation and registrar.';
COMMENT ON COLUMN notice.certificate IS 'What it is about; null for campaign.';
COMMENT ON COLUMN notice.campaign IS 'campaign: サーバ証明書一括失効完了通知 of this campaign.';

CREATE FUNCTION campaign_select(wanted_serials bytea[], wanted_organisation bigint, wanted_domain text, wanted_profile integer,
                                wanted_issuer integer, issued_from timestamptz, issued_until timestamptz, wanted_spki bytea,
                                wanted_policy bytea)
RETURNS TABLE (application bigint, certificate bigint, organisation bigint, serial bytea, spki_hash bytea, status text)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.id, c.id, a.organisation, COALESCE(c.serial, i.serial), a.spki_hash,
           CASE WHEN c.id IS NULL THEN 'in_flight'
                WHEN EXISTS (SELECT FROM revocation r WHERE r.certificate = c.id) THEN 'revoked'
                WHEN c.not_after < inkan_now() THEN 'expired'
                ELSE 'valid' END
      FROM application a
      JOIN upload u ON u.id = a.upload
      LEFT JOIN certificate c ON c.application = a.id
      LEFT JOIN intent i ON i.application = a.id AND i.voided IS NULL
      LEFT JOIN (SELECT DISTINCT s FROM unnest(wanted_serials) AS s) w ON w.s = COALESCE(c.serial, i.serial)
     WHERE u.kind IN ('server-issue', 'server-renew')
       AND (c.id IS NOT NULL OR (a.state = 'valid' AND u.state IN ('checking', 'accepted') AND NOT u.dry_run))
       AND (wanted_serials IS NULL OR w.s IS NOT NULL)
       AND (wanted_organisation IS NULL OR a.organisation = wanted_organisation)
       AND (wanted_domain IS NULL
            OR EXISTS (SELECT FROM unnest(a.names) AS n WHERE n = wanted_domain OR n LIKE '%.' || wanted_domain))
       AND (wanted_profile IS NULL OR a.profile = wanted_profile)
       AND (wanted_issuer IS NULL
            OR COALESCE(c.issuer, i.issuer, (SELECT id FROM issuer WHERE active)) = wanted_issuer)
       AND (issued_from IS NULL OR COALESCE(c.issued, inkan_now()) >= issued_from)
       AND (issued_until IS NULL OR COALESCE(c.issued, inkan_now()) < issued_until)
       AND (wanted_spki IS NULL OR a.spki_hash = wanted_spki)
       AND (wanted_policy IS NULL OR COALESCE(i.policy, u.policy) = wanted_policy)
$$;
COMMENT ON FUNCTION campaign_select(bytea[], bigint, text, integer, integer, timestamptz, timestamptz, bytea, bytea) IS
    'Certificates, and applications that are to become certificates, by all criteria that are not null. status: valid, revoked, expired or in_flight.';

CREATE FUNCTION campaign_code(wanted_reason integer, applications bytea) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT encode(substr(sha256(int4send(wanted_reason) || COALESCE(applications, ''::bytea)), 1, 10), 'hex')
$$;
COMMENT ON FUNCTION campaign_code(integer, bytea) IS
    'Pins a selection: of the reason and the ids of the selected applications, 8 bytes each, ascending. An application keeps its id when its certificate is issued, revoked or expires, so that only another selection has another code.';
