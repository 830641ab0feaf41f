-- 0002-ingress: who a client certificate belongs to.
-- Predecessor: 0001.

CREATE FUNCTION registrar_login(wanted bytea)
RETURNS TABLE (id bigint, organisation bigint, active boolean, name text, organisation_ja text, organisation_en text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT r.id, r.organisation, r.state = 'active', r.name, o.name_ja, o.name_en
      FROM registrar r JOIN organisation o ON o.id = r.organisation WHERE r.fingerprint = wanted
$$;
COMMENT ON FUNCTION registrar_login(bytea) IS
    'The registrar with this client certificate (SHA-256 of its DER), before the organisation is known that row-level security wants.';
