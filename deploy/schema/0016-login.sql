-- 0016-login: what a registrar is told of the organisation at every page.
-- Predecessor: 0015.

DROP FUNCTION registrar_login(bytea);
CREATE FUNCTION registrar_login(wanted bytea)
RETURNS TABLE (id bigint, organisation bigint, active boolean, name text, organisation_ja text, organisation_en text,
               organisation_active boolean, issuing_expired boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT r.id, r.organisation, r.state = 'active', r.name, o.name_ja, o.name_en, o.state = 'active',
           (inkan_now() AT TIME ZONE interval '9 hours')::date > o.issue_until
      FROM registrar r JOIN organisation o ON o.id = r.organisation WHERE r.fingerprint = wanted
$$;
COMMENT ON FUNCTION registrar_login(bytea) IS
    'The registrar with this client certificate (SHA-256 of its DER), before the organisation is known that row-level security wants.';
