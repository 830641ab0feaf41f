-- 0014-clock: a clock that was wrong and is put right keeps nothing waiting.
-- Predecessor: 0013.

ALTER TABLE job ADD stamped timestamptz NOT NULL DEFAULT clock_timestamp();
COMMENT ON COLUMN job.stamped IS 'The clock when due was set; ahead of the clock by more than a minute: it was wrong then, and due says nothing.';

CREATE FUNCTION job_stamp() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.stamped := clock_timestamp();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION job_stamp() IS 'Keeps job.stamped with job.due.';
CREATE TRIGGER job_stamp BEFORE UPDATE OF due ON job FOR EACH ROW EXECUTE FUNCTION job_stamp();

-- A delivery's lease lasts a minute; one that ends later was given by a wrong clock.
CREATE OR REPLACE FUNCTION link_status(l link) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN l.state = 'revoked' OR EXISTS (
            SELECT FROM certificate c JOIN revocation r ON r.issuer = c.issuer AND r.serial = c.serial
             WHERE c.id = l.certificate) THEN 'revoked'
        WHEN l.state <> 'open' THEN l.state
        WHEN l.expires <= inkan_now() THEN 'expired'
        WHEN l.delivery_until > clock_timestamp() AND l.delivery_until <= clock_timestamp() + interval '2 minutes' THEN 'busy'
        ELSE 'open' END
$$;
