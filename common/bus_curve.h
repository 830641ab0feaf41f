/*
 * CURVE for hints over tcp://: each daemon has a key of its own, and a file says whose keys may talk. One ZAP handler
 * (RFC 27/ZAP) a process asks that file at each handshake; what is not in it is refused and counted. Sockets over ipc://
 * are guarded by the directories that they are in and need none of this.
 *
 * The file bus.peers has a line a daemon: NAME PUBLIC-KEY [ADDRESS]; the key in Z85 (40 characters), the address as in
 * bus.senders for those that send. Empty lines and lines that begin with # are passed over.
 */
#pragma once

#include <stddef.h>

struct bus_curve;

/*
 * Reads both files and starts the ZAP handler in the context. 0; -EINVAL after a log line about what is wrong in them; -ENOMEM,
 * -EAGAIN. The caller owns *ret.
 */
int bus_curve_open(struct bus_curve **ret, void *zmq, const char *key_file, const char *peers_file);
/* The context must be shut down (zmq_ctx_shutdown) before. */
void bus_curve_free(struct bus_curve *curve);
/* Reads the peers' file again; when it cannot be used, the peers of before stay. 0 or -EINVAL (said). */
int bus_curve_reload(struct bus_curve *curve);

/* Prepares a socket before zmq_bind(). */
int bus_curve_serve(const struct bus_curve *curve, void *socket);
/* Prepares a socket before zmq_connect() to the sender whose base address this is. 0, or -ENOENT: it is no peer's. */
int bus_curve_connect(struct bus_curve *curve, void *socket, const char *base, size_t len);
/* Undoes that for a further zmq_connect() over ipc://. */
void bus_curve_plain(void *socket);
