-- Who may do what. Run after every migration; may be run again at any time.
-- A role per daemon; the public listener of the ingress has one of its own (inkan_public), operators another (inkan_operator).

DO $$
DECLARE role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['inkan_ingress', 'inkan_public', 'inkan_validator', 'inkan_whois', 'inkan_signer',
                                     'inkan_mailer', 'inkan_operator'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
        END IF;
        -- A stopped worker must not hold locks for ever.
        EXECUTE format('ALTER ROLE %I SET statement_timeout = ''60s''', role_name);
        EXECUTE format('ALTER ROLE %I SET lock_timeout = ''20s''', role_name);
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = ''20s''', role_name);
        -- Nor one whose link was cut: over TCP, the same silence as common/store/db.c allows the server.
        EXECUTE format('ALTER ROLE %I SET tcp_keepalives_idle = 5', role_name);
        EXECUTE format('ALTER ROLE %I SET tcp_keepalives_interval = 5', role_name);
        EXECUTE format('ALTER ROLE %I SET tcp_keepalives_count = 3', role_name);
        EXECUTE format('ALTER ROLE %I SET tcp_user_timeout = ''20s''', role_name);
        EXECUTE format('ALTER ROLE %I SET timezone = ''UTC''', role_name);
    END LOOP;
    -- They look up what jobs name, by index. A plan, a foreign key's too, outlives the statistics that it was made from: where these
    -- said that a table is small, the first large upload would read it whole for each row.
    FOREACH role_name IN ARRAY ARRAY['inkan_validator', 'inkan_whois', 'inkan_signer', 'inkan_mailer'] LOOP
        EXECUTE format('ALTER ROLE %I SET enable_seqscan = off', role_name);
        EXECUTE format('ALTER ROLE %I SET jit = off', role_name); -- what cannot but scan looks dear to it now
        -- Nor is a statement planned for each chunk anew: there is one way to look things up.
        EXECUTE format('ALTER ROLE %I SET plan_cache_mode = force_generic_plan', role_name);
    END LOOP;
END $$;
ALTER ROLE inkan_operator RESET statement_timeout;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;

GRANT EXECUTE ON FUNCTION inkan_now(), inkan_organisation()
    TO inkan_ingress, inkan_public, inkan_validator, inkan_whois, inkan_signer, inkan_mailer, inkan_operator;
GRANT EXECUTE ON FUNCTION job_turn(text, bigint)
    TO inkan_ingress, inkan_public, inkan_validator, inkan_signer, inkan_mailer, inkan_operator;
GRANT EXECUTE ON FUNCTION crl_shard(bytea, integer) TO inkan_signer, inkan_operator;
GRANT EXECUTE ON FUNCTION audit_line(audit_event), audit_digest(xid8, xid8), audit_sealed(), audit_finished()
    TO inkan_signer, inkan_mailer, inkan_operator;

-- Everybody: the schema's version, the queue's counts, their own audit lines.
GRANT SELECT ON audit_epoch TO inkan_signer, inkan_mailer;
GRANT SELECT ON schema_migration TO inkan_ingress, inkan_public, inkan_validator, inkan_whois, inkan_signer, inkan_mailer, inkan_operator;
GRANT SELECT ON job TO inkan_ingress, inkan_public, inkan_validator, inkan_whois, inkan_signer, inkan_mailer, inkan_operator;
-- (not its number, transaction and time: these are what the seals rest on)
GRANT INSERT (actor, kind, organisation, upload, application, subject, detail) ON audit_event TO inkan_ingress, inkan_validator, inkan_signer, inkan_mailer, inkan_operator;
GRANT SELECT ON service, policy TO inkan_ingress, inkan_public, inkan_validator, inkan_signer, inkan_mailer;

-- ingress: takes uploads in; sees its registrar's organisation only (row-level security below); cannot write a certificate.
GRANT SELECT ON organisation, domain, registrar, application, certificate, link, notice, issuer, revocation TO inkan_ingress;
GRANT SELECT (organisation, ou) ON permitted_ou TO inkan_ingress;
GRANT EXECUTE ON FUNCTION certificate_search(text, bytea, text, integer, timestamptz, timestamptz, bigint, integer),
    certificate_audit(bigint), certificate_statistics(date, date), certificate_words_enter(integer) TO inkan_ingress;
GRANT SELECT (certificate, kind, due) ON reminder TO inkan_ingress;
GRANT SELECT, INSERT ON upload TO inkan_ingress;
GRANT UPDATE (idempotency_key) ON upload TO inkan_ingress;
GRANT SELECT (id, comment) ON campaign TO inkan_ingress;
GRANT INSERT ON upload_line TO inkan_ingress;
GRANT EXECUTE ON FUNCTION registrar_login(bytea), upload_line_of(bigint, integer) TO inkan_ingress;
GRANT INSERT ON job TO inkan_ingress;
-- its own OCSP key; the certificate for it comes from the signer.
GRANT SELECT ON ocsp_responder, ocsp_certificate TO inkan_ingress;
GRANT INSERT (spki), UPDATE (wanted) ON ocsp_responder TO inkan_ingress;
GRANT EXECUTE ON FUNCTION link_resend(bigint, bigint, integer, text) TO inkan_ingress;
GRANT EXECUTE ON FUNCTION certificate_state(certificate), certificate_valid(certificate) TO inkan_ingress, inkan_operator;

-- public listener: CA certificates and CRLs; links and the status of a serial by functions alone.
GRANT SELECT ON issuer, crl TO inkan_public;
GRANT EXECUTE ON FUNCTION ocsp_status(integer, bytea[]) TO inkan_public;
GRANT EXECUTE ON FUNCTION link_look(bytea), link_take(bytea, bigint), link_burn(bigint, bigint, integer, integer, integer[]), link_give_back(bigint, bigint)
    TO inkan_public;

-- validator: checks and decides.
GRANT SELECT ON permitted_ou TO inkan_validator, inkan_signer;
GRANT SELECT ON organisation, domain, upload, upload_line, application, whois_answer, dn_taken, key_seen, certificate TO inkan_validator;
GRANT UPDATE (state, errors, rows_ok, rows_ng, open_chunks, open_asks, policy, decided, ended) ON upload TO inkan_validator;
GRANT SELECT ON issuer, revocation TO inkan_validator;
GRANT INSERT ON application, dn_taken, key_seen, job TO inkan_validator;
-- who looks after a certificate, never the certificate.
GRANT UPDATE (manager_name, manager_affiliation, manager_mail, software, manager_changed) ON certificate TO inkan_validator;
GRANT UPDATE (renewing) ON dn_taken TO inkan_validator;
GRANT UPDATE (state, errors) ON application TO inkan_validator;
GRANT UPDATE (due, attempt, token, worker, failing, seq_from, seq_to), DELETE ON job TO inkan_validator;

-- whois: claims its jobs; its answers go through ask_finish() alone.
GRANT UPDATE (due, attempt, token, worker, failing) ON job TO inkan_whois;
GRANT EXECUTE ON FUNCTION ask_finish(bigint[], bigint[], text, text, text, text, text, text, text),
    ask_reuse(bigint, bigint, text, bigint) TO inkan_whois;
GRANT EXECUTE ON FUNCTION whois_fresh(text, timestamptz) TO inkan_validator, inkan_operator;

-- signer: the only one that writes certificates.
GRANT SELECT ON organisation, domain, upload, application, intent, certificate, issuer, revocation, crl, audit_event, audit_key, audit_seal TO inkan_signer;
GRANT UPDATE (state, rows_ok, rows_ng, open_chunks, ended) ON upload TO inkan_signer;
GRANT UPDATE (state, errors) ON application TO inkan_signer;
GRANT DELETE ON dn_taken TO inkan_signer;
GRANT SELECT ON dn_taken, key_seen, registrar TO inkan_signer;
GRANT EXECUTE ON FUNCTION ous_permitted(bigint, text[]) TO inkan_signer;
GRANT UPDATE (application, renewing) ON dn_taken TO inkan_signer;
GRANT UPDATE (blocked) ON key_seen TO inkan_signer;
GRANT INSERT ON intent, certificate, link, notice, revocation, job, audit_seal TO inkan_signer;
GRANT UPDATE (voided) ON intent TO inkan_signer;
GRANT SELECT (id, certificate, state) ON link TO inkan_signer;
GRANT UPDATE (state) ON link TO inkan_signer;
GRANT INSERT, UPDATE ON crl TO inkan_signer;
GRANT SELECT ON ocsp_responder TO inkan_signer;
GRANT SELECT, INSERT ON ocsp_certificate TO inkan_signer;
GRANT UPDATE (due, attempt, token, worker, failing, seq_from, seq_to), DELETE ON job TO inkan_signer;
-- campaigns: it ends what operators selected, and selects nothing.
GRANT SELECT ON campaign, campaign_organisation, campaign_item, campaign_stop TO inkan_signer;
GRANT UPDATE (open_organisations, ended) ON campaign TO inkan_signer;
GRANT UPDATE (open_items) ON campaign_organisation TO inkan_signer;
GRANT UPDATE (error) ON campaign_item TO inkan_signer;
-- FOR SHARE wants the right to update something: a column that never changes.
GRANT UPDATE (singleton) ON service TO inkan_signer;
GRANT UPDATE (id) ON organisation TO inkan_signer;
GRANT UPDATE (id) ON domain TO inkan_signer;

-- mailer: sends what is queued; makes the links' tokens.
GRANT SELECT ON notice, certificate, application, link, organisation, issuer, upload, revocation TO inkan_mailer;
GRANT SELECT ON audit_seal TO inkan_mailer;
GRANT SELECT ON campaign, campaign_item TO inkan_mailer;
GRANT UPDATE (job, state, attempts, reply, ended) ON notice TO inkan_mailer;
GRANT UPDATE (token_hash) ON link TO inkan_mailer;
-- and makes notices of the reminders that are due.
GRANT SELECT ON registrar, dn_taken TO inkan_mailer;
GRANT SELECT, INSERT, DELETE, UPDATE (round, due, link) ON reminder TO inkan_mailer;
GRANT INSERT ON notice TO inkan_mailer;
GRANT EXECUTE ON FUNCTION certificate_valid(certificate) TO inkan_mailer;
GRANT INSERT ON job TO inkan_mailer;
GRANT UPDATE (due, attempt, token, worker, failing), DELETE ON job TO inkan_mailer;

-- operators: the register and the switches; not the certificates, not the audit's past.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO inkan_operator;
GRANT INSERT, UPDATE ON organisation, domain, registrar, policy, issuer, audit_key TO inkan_operator;
GRANT INSERT, DELETE ON permitted_ou TO inkan_operator;
GRANT EXECUTE ON FUNCTION audit_epoch_open(text, text) TO inkan_operator;
GRANT UPDATE ON service TO inkan_operator;
GRANT INSERT ON job, key_seen TO inkan_operator;
GRANT UPDATE, DELETE ON job TO inkan_operator;
GRANT DELETE ON whois_answer TO inkan_operator;
GRANT EXECUTE ON FUNCTION link_resend_by_operator(bytea, bigint, integer, text, text, text) TO inkan_operator;
-- inkanctl job discard: mails end as failed, a question as not answered.
GRANT UPDATE (state, reply, ended) ON notice TO inkan_operator;
GRANT USAGE ON SEQUENCE job_token TO inkan_operator;
-- inkanctl revoke: names what the signer revokes; the signer does it.
GRANT INSERT ON campaign, campaign_organisation, campaign_item, campaign_stop TO inkan_operator;
GRANT UPDATE (blocked) ON key_seen TO inkan_operator;
GRANT EXECUTE ON FUNCTION campaign_select(bytea[], bigint, text, integer, integer, timestamptz, timestamptz, bytea, bytea),
    campaign_code(integer, bytea) TO inkan_operator;
GRANT EXECUTE ON FUNCTION ask_finish(bigint[], bigint[], text, text, text, text, text, text, text) TO inkan_operator;
GRANT USAGE ON SEQUENCE job_token TO inkan_validator, inkan_whois, inkan_signer, inkan_mailer;

-- Row-level security. The ingress sees one organisation at a time; a worker sees the jobs of its stages.
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['upload', 'application', 'certificate', 'link', 'notice', 'domain', 'registrar',
                             'permitted_ou'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('DROP POLICY IF EXISTS own ON %I', t);
        EXECUTE format('CREATE POLICY own ON %I TO inkan_ingress USING (organisation = inkan_organisation()) '
                       'WITH CHECK (organisation = inkan_organisation())', t);
        EXECUTE format('DROP POLICY IF EXISTS inside ON %I', t);
        EXECUTE format('CREATE POLICY inside ON %I TO inkan_validator, inkan_mailer, inkan_operator USING (true)', t);
        EXECUTE format('DROP POLICY IF EXISTS signer ON %I', t);
        IF t NOT IN ('upload', 'application') THEN
            EXECUTE format('CREATE POLICY signer ON %I TO inkan_signer USING (true)', t);
        END IF;
    END LOOP;
END $$;
-- The signer ends what was accepted; it cannot make a row or an upload accepted.
DROP POLICY IF EXISTS look ON upload;
CREATE POLICY look ON upload FOR SELECT TO inkan_signer USING (true);
CREATE POLICY signer ON upload FOR UPDATE TO inkan_signer USING (state = 'accepted') WITH CHECK (state IN ('accepted', 'done'));
DROP POLICY IF EXISTS look ON application;
CREATE POLICY look ON application FOR SELECT TO inkan_signer USING (true);
CREATE POLICY signer ON application FOR UPDATE TO inkan_signer USING (state = 'valid') WITH CHECK (state = 'failed');
ALTER TABLE reminder ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own ON reminder;
CREATE POLICY own ON reminder FOR SELECT TO inkan_ingress USING (EXISTS (
    SELECT FROM certificate c WHERE c.id = reminder.certificate AND c.organisation = inkan_organisation()));
DROP POLICY IF EXISTS inside ON reminder;
CREATE POLICY inside ON reminder TO inkan_mailer, inkan_operator USING (true);
ALTER TABLE organisation ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own ON organisation;
CREATE POLICY own ON organisation TO inkan_ingress USING (id = inkan_organisation());
DROP POLICY IF EXISTS inside ON organisation;
CREATE POLICY inside ON organisation TO inkan_validator, inkan_signer, inkan_mailer, inkan_operator USING (true);

ALTER TABLE job ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS count ON job;
CREATE POLICY count ON job FOR SELECT USING (true);
DROP POLICY IF EXISTS ingress ON job;
CREATE POLICY ingress ON job FOR INSERT TO inkan_ingress WITH CHECK (stage = 'check' AND organisation = inkan_organisation());
DROP POLICY IF EXISTS validator ON job;
CREATE POLICY validator ON job TO inkan_validator USING (stage IN ('check', 'decide'))
    WITH CHECK (stage IN ('check', 'ask', 'decide', 'sign', 'revoke'));
DROP POLICY IF EXISTS whois ON job;
CREATE POLICY whois ON job TO inkan_whois USING (stage = 'ask');
DROP POLICY IF EXISTS signer ON job;
CREATE POLICY signer ON job TO inkan_signer USING (stage IN ('sign', 'revoke', 'crl', 'ocsp'))
    WITH CHECK (stage IN ('sign', 'revoke', 'crl', 'ocsp', 'send'));
DROP POLICY IF EXISTS mailer ON job;
CREATE POLICY mailer ON job TO inkan_mailer USING (stage IN ('send', 'remind', 'head'));
DROP POLICY IF EXISTS operator ON job;
CREATE POLICY operator ON job TO inkan_operator USING (true);

-- The signer's role cannot state an intent for a row that is not decided: the database refuses it, whatever the program does.
ALTER TABLE intent ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS look ON intent;
CREATE POLICY look ON intent FOR SELECT TO inkan_signer, inkan_operator USING (true);
DROP POLICY IF EXISTS void ON intent;
CREATE POLICY void ON intent FOR UPDATE TO inkan_signer USING (true) WITH CHECK (voided IS NOT NULL);
DROP POLICY IF EXISTS decided ON intent;
CREATE POLICY decided ON intent FOR INSERT TO inkan_signer WITH CHECK (EXISTS (
    SELECT FROM application a JOIN upload u ON u.id = a.upload
     WHERE a.id = intent.application AND a.state = 'valid' AND u.state = 'accepted' AND NOT u.dry_run));

-- Nor can it revoke what neither an accepted row nor a campaign names, or list a serial whose intent was not given up.
ALTER TABLE revocation ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS look ON revocation;
CREATE POLICY look ON revocation FOR SELECT USING (true);
DROP POLICY IF EXISTS decided ON revocation;
CREATE POLICY decided ON revocation FOR INSERT TO inkan_signer WITH CHECK (
    CASE WHEN certificate IS NULL
         THEN EXISTS (SELECT FROM intent i WHERE i.issuer = revocation.issuer AND i.serial = revocation.serial)
         WHEN campaign IS NOT NULL
         THEN application IS NULL AND EXISTS (
              SELECT FROM campaign_item i JOIN campaign c ON c.id = i.campaign
               WHERE i.campaign = revocation.campaign AND i.certificate = revocation.certificate AND c.reason = revocation.reason)
         ELSE EXISTS (SELECT FROM application a JOIN upload u ON u.id = a.upload
                       WHERE a.id = revocation.application AND a.target = revocation.certificate AND a.reason = revocation.reason
                         AND a.state = 'valid' AND u.state = 'accepted' AND NOT u.dry_run) END);
