-- 0015-status: indexes for what is seldom and is looked for often: the status page of operators.
-- Predecessor: 0014.

CREATE INDEX audit_event_seldom ON audit_event (kind, xid, id) WHERE kind IN ('head_kept', 'restore_drilled');
COMMENT ON INDEX audit_event_seldom IS 'When a head last left, when a restore was last tried.';
CREATE INDEX notice_failed ON notice (ended) WHERE state = 'failed';
COMMENT ON INDEX notice_failed IS 'Mails that were given up lately.';
