-- 0006-issuance: what the lint found before a signature, and the permission list of organisational units.
-- Predecessor: 0005.

ALTER TABLE intent ADD lint text;
COMMENT ON COLUMN intent.lint IS 'The lint (services/signer/lint.h) that found nothing wrong in tbs before it was signed; null before this column.';

CREATE TABLE permitted_ou (
    organisation bigint NOT NULL REFERENCES organisation,
    ou           text NOT NULL CHECK (length(ou) BETWEEN 1 AND 64),
    created      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation, ou)
);
COMMENT ON TABLE permitted_ou IS '許可リスト: the values of OU that an organisation may write where the policy says ou = listed (371).';
COMMENT ON COLUMN permitted_ou.organisation IS 'Whose.';
COMMENT ON COLUMN permitted_ou.ou IS 'OU of the subject DN, byte for byte.';
COMMENT ON COLUMN permitted_ou.created IS 'When it was entered.';

ALTER TABLE application ADD ous text[];
COMMENT ON COLUMN application.ous IS 'OUs of the DN in order, where the policy lets them into the subject; null: none.';

CREATE FUNCTION ous_permitted(wanted_organisation bigint, ous text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT NOT EXISTS (SELECT FROM unnest(ous) AS used (ou)
                        WHERE NOT EXISTS (SELECT FROM permitted_ou p WHERE p.organisation = wanted_organisation AND p.ou = used.ou))
$$;
COMMENT ON FUNCTION ous_permitted(bigint, text[]) IS 'Whether all of these are on the organisation''s permission list; true for none.';
