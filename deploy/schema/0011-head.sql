-- 0011-head: the head of the audit leaves the house once a day.
-- Predecessor: 0010.

ALTER TABLE job DROP CONSTRAINT job_stage_check;
ALTER TABLE job ADD CONSTRAINT job_stage_check
    CHECK (stage IN ('check', 'ask', 'decide', 'sign', 'revoke', 'send', 'remind', 'crl', 'ocsp', 'head'));
