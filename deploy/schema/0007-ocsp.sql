-- 0007-ocsp: responder keys of the ingress and the certificates that delegate OCSP to them.
-- Predecessor: 0006.

-- A P-256 SubjectPublicKeyInfo is this head and a point: the signer copies it without decoding anything.
CREATE TABLE ocsp_responder (
    spki   bytea PRIMARY KEY CHECK (length(spki) = 91
           AND substring(spki FOR 27) = '\x3059301306072a8648ce3d020106082a8648ce3d03010703420004'),
    wanted timestamptz NOT NULL DEFAULT inkan_now()
);
COMMENT ON TABLE ocsp_responder IS 'Public keys that ingress processes answer OCSP with; the private half never leaves the process''s own file.';
COMMENT ON COLUMN ocsp_responder.spki IS 'SubjectPublicKeyInfo, P-256, uncompressed.';
COMMENT ON COLUMN ocsp_responder.wanted IS 'When its ingress last asked; one that does not ask any more gets no new certificate.';

CREATE TABLE ocsp_certificate (
    issuer     smallint NOT NULL REFERENCES issuer,
    serial     bytea NOT NULL CHECK (length(serial) = 16),
    spki       bytea NOT NULL REFERENCES ocsp_responder,
    der        bytea NOT NULL,
    not_after  timestamptz NOT NULL,
    issued     timestamptz NOT NULL DEFAULT inkan_now(),
    PRIMARY KEY (issuer, serial)
);
CREATE INDEX ocsp_certificate_newest ON ocsp_certificate (issuer, spki, not_after);
COMMENT ON TABLE ocsp_certificate IS 'Certificates of delegated OCSP responders (RFC 6960 4.2.2.2), written by the signer alone.';
COMMENT ON COLUMN ocsp_certificate.issuer IS 'Issuing CA, whose certificates it answers for.';
COMMENT ON COLUMN ocsp_certificate.serial IS '16 bytes, big endian, first bit 0; none of an intent.';
COMMENT ON COLUMN ocsp_certificate.spki IS 'Whose key.';
COMMENT ON COLUMN ocsp_certificate.der IS 'The certificate.';
COMMENT ON COLUMN ocsp_certificate.not_after IS 'As in the certificate, inclusive.';
COMMENT ON COLUMN ocsp_certificate.issued IS 'Time of the signing transaction.';

ALTER TABLE job DROP CONSTRAINT job_stage_check;
ALTER TABLE job ADD CONSTRAINT job_stage_check CHECK (stage IN ('check', 'ask', 'decide', 'sign', 'revoke', 'send', 'remind', 'crl', 'ocsp'));
COMMENT ON COLUMN job.subject IS 'ask: the domain. crl: ISSUER-SHARD. ocsp: ISSUER.';

-- Good is only what is in certificate or ocsp_certificate; a serial that was given up is in revocation alone. What is in none is
-- unknown, and comes with no row (BR 4.9.10).
CREATE FUNCTION ocsp_status(wanted_issuer integer, serials bytea[])
RETURNS TABLE (place bigint, reason smallint, revoked timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT q.place, r.reason, r.revoked
      FROM unnest(serials) WITH ORDINALITY AS q (serial, place)
      LEFT JOIN certificate c ON c.issuer = wanted_issuer AND c.serial = q.serial
      LEFT JOIN ocsp_certificate o ON o.issuer = wanted_issuer AND o.serial = q.serial
      LEFT JOIN revocation r ON r.issuer = wanted_issuer AND r.serial = q.serial
     WHERE c.id IS NOT NULL OR o.serial IS NOT NULL OR r.serial IS NOT NULL
     ORDER BY q.place
$$;
COMMENT ON FUNCTION ocsp_status(integer, bytea[]) IS 'The known ones of these serials, by their place from 1; revoked is null for good ones.';
