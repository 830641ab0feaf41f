-- 0012-epoch: the audit goes on after a logical restore.
-- Predecessor: 0011.

-- Events and notices are ordered by audit_event.xid and notice.xid. In the cluster that the service began in, these are the numbers of
-- transactions. Another cluster numbers them anew: there a distance is added, so that what comes is behind all that was restored.
CREATE TABLE audit_epoch (
    number   integer PRIMARY KEY CHECK (number > 1),
    distance bigint NOT NULL UNIQUE CHECK (distance > 0),
    reason   text NOT NULL,
    operator text NOT NULL,
    opened   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE audit_epoch IS 'Database clusters that the audit went on in after it had been restored by a dump; the first, 1, has no row.';
COMMENT ON COLUMN audit_epoch.number IS 'From 2.';
COMMENT ON COLUMN audit_epoch.distance IS 'Added to the numbers of this cluster''s transactions.';
COMMENT ON COLUMN audit_epoch.reason IS 'As the operator gave it.';
COMMENT ON COLUMN audit_epoch.operator IS 'Who opened it.';
COMMENT ON COLUMN audit_epoch.opened IS 'When.';
COMMENT ON COLUMN audit_event.xid IS 'Number of its transaction, plus the distance of its epoch.';
COMMENT ON COLUMN notice.xid IS 'Number of the transaction that queued it, plus the distance of its epoch: it is sent once that is sealed.';

CREATE FUNCTION audit_finished() RETURNS xid8 LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + COALESCE((SELECT max(distance) FROM audit_epoch), 0))::text::xid8
$$;
COMMENT ON FUNCTION audit_finished() IS 'Transactions below this one are finished, as audit_event.xid counts them.';

-- Numbers of this cluster between those of the one that the seals are of would make the seals false for ever. 57P03: nobody's fault.
CREATE FUNCTION audit_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF audit_sealed() > audit_finished() THEN
        RAISE EXCEPTION 'the seals are of another database cluster: inkanctl audit epoch' USING ERRCODE = '57P03';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION audit_guard() IS 'Trigger: nothing is decided in a restored database before its epoch is opened.';
CREATE TRIGGER audit_guard BEFORE INSERT ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION audit_guard();

CREATE FUNCTION audit_epoch_open(why text, by_whom text, OUT epoch integer, OUT unsealed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    behind bigint;
BEGIN
    LOCK TABLE audit_event, notice IN ACCESS EXCLUSIVE MODE;
    IF audit_sealed() <= audit_finished() THEN
        RETURN;
    END IF;
    SELECT greatest(audit_sealed()::text::bigint, (SELECT max(xid) FROM audit_event)::text::bigint, (SELECT max(xid) FROM notice)::text::bigint) + 1
      INTO behind;
    SELECT count(*) INTO unsealed FROM audit_event WHERE xid >= audit_sealed();
    INSERT INTO audit_epoch (number, distance, reason, operator)
    VALUES ((SELECT COALESCE(max(number), 1) + 1 FROM audit_epoch), behind, why, by_whom) RETURNING number INTO epoch;
    EXECUTE format('ALTER TABLE audit_event ALTER xid SET DEFAULT (pg_current_xact_id()::text::bigint + %s)::text::xid8', behind);
    EXECUTE format('ALTER TABLE notice ALTER xid SET DEFAULT (pg_current_xact_id()::text::bigint + %s)::text::xid8', behind);
    INSERT INTO audit_event (kind, subject, detail)
    VALUES ('epoch_opened', 'epoch ' || epoch, jsonb_build_object('distance', behind, 'unsealed', unsealed, 'reason', why, 'by', by_whom));
END $$;
COMMENT ON FUNCTION audit_epoch_open(text, text) IS 'After a logical restore: the number of the new epoch and how many restored events were not sealed; null when the seals are of this cluster.';
