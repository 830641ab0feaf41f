/*
 * Hints between the daemons over ZeroMQ. The sender binds a PUSH socket per stage at <bus.bind>/<stage>; every worker
 * connects a PULL socket for each of its stages to all of bus.senders. HWM 1, DONTWAIT, LINGER 0: nothing here ever
 * blocks, and nothing here is ever needed for correctness.
 *
 * bus_hint() may be called from any thread; the other functions from the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "proto/stages.h"

struct bus;

struct bus_options {
    const char *bind;    /* base address of this sender: ipc:///run/inkan/validator or tcp://host:port (port + stage) */
    const char *senders; /* base addresses of all senders, separated by blanks; must outlive the bus */
    const char
        *key; /* file of our secret key and file of the peers (bus_curve.h): for tcp://, which goes by CURVE only; */
    const char *peers; /* "" or NULL: ipc:// alone. peers must outlive the bus */
    bool send;         /* false: hints are dropped (a test switch) */
};

/* hints and works are bit sets of 1u << stage. 0 or -errno; -EINVAL: the options are wrong, which was said. The caller owns *ret. */
int bus_open(struct bus **ret, const struct bus_options *options, unsigned hints, unsigned works);
void bus_free(struct bus *bus);
void bus_reload(struct bus *bus); /* reads the peers again */
DEFINE_CLEANUP(struct bus *, bus_free)

void bus_hint(struct bus *bus, enum stage stage, int64_t job);

/* For zmq_poll: at most STAGE_COUNT items; returns how many were written. */
int bus_poll_items(struct bus *bus, zmq_pollitem_t *items);
/* Takes all waiting hints away. Returns the set of stages hinted. What is no hint is counted and dropped. */
unsigned bus_drain(struct bus *bus);
