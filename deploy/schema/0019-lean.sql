-- 0019-lean: what every certificate pays for once and needs once. One reference in place of two where it says more, none where the
-- statement reads the very row that it names; no index that nothing looks into; functions of every transaction keep their plans.
-- Predecessor: 0018.

-- A link and a notice are of the organisation that the certificate is of.
ALTER TABLE certificate ADD CONSTRAINT certificate_organisation_id UNIQUE (organisation, id);
DROP INDEX certificate_organisation;
ALTER TABLE link
    DROP CONSTRAINT link_certificate_fkey,
    DROP CONSTRAINT link_organisation_fkey,
    ADD CONSTRAINT link_certificate_fkey FOREIGN KEY (organisation, certificate) REFERENCES certificate (organisation, id);
ALTER TABLE notice
    DROP CONSTRAINT notice_certificate_fkey,
    DROP CONSTRAINT notice_organisation_fkey,
    DROP CONSTRAINT notice_campaign_fkey,
    ADD CONSTRAINT notice_certificate_fkey FOREIGN KEY (organisation, certificate) REFERENCES certificate (organisation, id),
    ADD CONSTRAINT notice_campaign_fkey FOREIGN KEY (campaign, organisation) REFERENCES campaign_organisation (campaign, organisation);

-- signing_intents reads service.policy and the issuer that it writes, signing_record the organisation, decide_reserve_names an
-- application's organisation. What remains of a reference is that these rows stay, and they stay for ever.
ALTER TABLE intent DROP CONSTRAINT intent_policy_fkey, DROP CONSTRAINT intent_issuer_fkey;
ALTER TABLE certificate DROP CONSTRAINT certificate_organisation_fkey;
ALTER TABLE dn_taken DROP CONSTRAINT dn_taken_organisation_fkey;

CREATE FUNCTION register_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'nothing is ever deleted from %', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
COMMENT ON FUNCTION register_stays() IS 'For the tables whose rows others name without a foreign key.';
CREATE TRIGGER register_stays BEFORE DELETE OR TRUNCATE ON organisation FOR EACH STATEMENT EXECUTE FUNCTION register_stays();
CREATE TRIGGER register_stays BEFORE DELETE OR TRUNCATE ON policy FOR EACH STATEMENT EXECUTE FUNCTION register_stays();
CREATE TRIGGER register_stays BEFORE DELETE OR TRUNCATE ON issuer FOR EACH STATEMENT EXECUTE FUNCTION register_stays();

-- Nobody looks an intent up by a number, nor a mail by its Message-ID (122 random bits); a link without a token is none to find.
ALTER TABLE intent DROP COLUMN id;
ALTER TABLE intent DROP CONSTRAINT intent_issuer_serial_key, ADD PRIMARY KEY (issuer, serial);
ALTER TABLE notice DROP CONSTRAINT notice_message_id_key;
ALTER TABLE link DROP CONSTRAINT link_token_hash_key;
CREATE UNIQUE INDEX link_token ON link (token_hash) WHERE token_hash IS NOT NULL;
COMMENT ON INDEX link_token IS 'A token opens one link.';

-- In PL/pgSQL, which plans a statement once a session, where SQL would plan it at each call.
CREATE OR REPLACE FUNCTION job_turn(wanted_stage text, wanted_organisation bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN greatest(COALESCE((SELECT min(turn) FROM job WHERE stage = wanted_stage), 0),
                    COALESCE((SELECT max(turn) + 1 FROM job WHERE stage = wanted_stage AND organisation = wanted_organisation), 0));
END $$;

CREATE OR REPLACE FUNCTION whois_fresh(wanted_domain text, since timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN (SELECT id FROM whois_answer
             WHERE domain = wanted_domain AND outcome <> 'unreachable' AND asked >= since ORDER BY asked DESC LIMIT 1);
END $$;

CREATE OR REPLACE FUNCTION registrar_login(wanted bytea)
RETURNS TABLE (id bigint, organisation bigint, active boolean, name text, organisation_ja text, organisation_en text,
               organisation_active boolean, issuing_expired boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT r.id, r.organisation, r.state = 'active', r.name, o.name_ja, o.name_en, o.state = 'active',
           (inkan_now() AT TIME ZONE interval '9 hours')::date > o.issue_until
      FROM registrar r JOIN organisation o ON o.id = r.organisation WHERE r.fingerprint = wanted;
END $$;
