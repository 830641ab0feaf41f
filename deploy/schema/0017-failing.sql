-- 0017-failing: a job that fails again and again is seen, however well others of its stage go.
-- Predecessor: 0016.

ALTER TABLE job ADD failing timestamptz;
COMMENT ON COLUMN job.failing IS 'Since when it has been given back as failed, or its worker died, without going well once; NULL: it has not.';
