/*
 * What inkanctl status knows, says and shows. Facts are one JSON object; what is not known (the database is away, a daemon does not
 * answer) is absent. Pure: no output, no clock.
 *
 *   time, database {up}, signing {halted, reason, policy, schema}, daemons [{daemon, ready, address, reasons}],
 *   queues [{stage, due, later, overdue_sec}], issuers [{issuer, name, active, shards, crls, crl_number, crl_next_update, crl_left_sec,
 *   crl_life_sec, responders, responder_left_sec, ends, left_sec}], certificates [{certificate, ends, left_sec}],
 *   whois [{server, answers, unreachable, last, last_sec, detail}], mail {waiting, oldest_sec, attempts, reply, refused, …},
 *   audit {seal, sealed_sec, unsealed_sec, head, head_left, head_sec, drilled, drill_sec, drill, …}
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* Adds well and findings [{what, do, see}] to the facts; see is a part of operating.md. queue_max_sec: how long a due job may wait. 0 or
 * -ENOMEM. */
int status_judge(json_t *facts, int64_t queue_max_sec);
/* One screen, facts first, the verdict last. */
void status_text(const json_t *status, struct buf *to);
/* "3 d 4 h", "12 min", "5 s"; of a negative one the size. */
void status_age(int64_t sec, struct buf *to);
