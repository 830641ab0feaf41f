/* Hints over ipc:// and over tcp:// with CURVE: who may talk, who may not, and what comes of forged and replayed frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "bus.h"
#include "log.h"
#include "metrics.h"
#include "proto/messages.h"

#define HINTS (1u << STAGE_check)
#define PATIENCE_USEC (20 * USEC_PER_SEC)

enum who { SENDER, WORKER, STRANGER, WHO };

struct fixture {
    char directory[64], key[WHO][96], peers[96], tcp[64], ipc[96];
    char public[WHO][41], secret[WHO][41];
};

static void write_file(const char *path, mode_t mode, const char *text) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* The peers: the sender with its address, the worker, and the stranger if he is let in. */
static void write_peers(const struct fixture *f, bool worker, bool stranger) {
    _cleanup_buf_ struct buf text = {0};
    buf_printf(&text, "# NAME KEY ADDRESS\n\nsender %s %s\n", f->public[SENDER], f -> tcp);
    if (worker)
        buf_printf(&text, "worker\t%s\n", f->public[WORKER]);
    if (stranger)
        buf_printf(&text, "stranger  %s  \n", f->public[STRANGER]);
    write_file(f->peers, 0644, buf_string(&text));
}

static int free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *) &a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &a, &len), 0);
    (void) close(fd);
    return ntohs(a.sin_port);
}

static int setup(void **state) {
    static struct fixture f;
    (void) snprintf(f.directory, sizeof(f.directory), "/tmp/inkan-bus-XXXXXX");
    if (!mkdtemp(f.directory))
        return -1;
    static const char *const names[] = {"sender", "worker", "stranger"};
    for (int i = 0; i < WHO; i++) {
        (void) snprintf(f.key[i], sizeof(f.key[i]), "%s/%s", f.directory, names[i]);
        assert_int_equal(zmq_curve_keypair(f.public[i], f.secret[i]), 0);
        write_file(f.key[i], 0600, f.secret[i]);
    }
    (void) snprintf(f.peers, sizeof(f.peers), "%s/peers", f.directory);
    (void) snprintf(f.ipc, sizeof(f.ipc), "ipc://%s", f.directory);
    /* The stage is added to the port. */
    (void) snprintf(f.tcp, sizeof(f.tcp), "tcp://127.0.0.1:%d", free_port() - (int) STAGE_check);
    write_peers(&f, true, false);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    const struct fixture *f = *state;
    char command[128];
    (void) snprintf(command, sizeof(command), "rm -rf %s", f->directory);
    return system(command); /* NOLINT(cert-env33-c): a directory of our own */
}

static struct bus *open_as(const struct fixture *f, enum who who, const char *bind, const char *senders) {
    struct bus_options options = {
        .bind = bind, .senders = senders, .key = f->key[who], .peers = f->peers, .send = true};
    struct bus *bus = NULL;
    assert_int_equal(bus_open(&bus, &options, who == SENDER ? HINTS : 0, who == SENDER ? 0 : HINTS), 0);
    return bus;
}

static void pause_usec(int64_t usec) {
    struct timespec t = {.tv_sec = usec / USEC_PER_SEC, .tv_nsec = usec % USEC_PER_SEC * 1000};
    (void) nanosleep(&t, NULL);
}

/* Hints until the worker has one. */
static bool arrives(struct bus *sender, struct bus *worker, int64_t patience_usec) {
    for (int64_t end = clock_monotonic_usec() + patience_usec; clock_monotonic_usec() < end;) {
        bus_hint(sender, STAGE_check, 7);
        pause_usec(20 * USEC_PER_MSEC);
        if (bus_drain(worker) == HINTS)
            return true;
    }
    return false;
}

static double count_of(const char *series) {
    _cleanup_buf_ struct buf text = {0};
    metrics_write(&text);
    const char *at = strstr(buf_string(&text), series);
    return at ? strtod(at + strlen(series), NULL) : 0;
}

static double refused(void) {
    return count_of("\ninkan_bus_peers_refused_total ");
}

static void wait_for_refusal(struct bus *sender, double before) {
    for (int64_t end = clock_monotonic_usec() + PATIENCE_USEC; refused() <= before; pause_usec(10 * USEC_PER_MSEC)) {
        bus_hint(sender, STAGE_check, 1);
        assert_true(clock_monotonic_usec() < end);
    }
}

static void test_ipc(void **state) {
    const struct fixture *f = *state;
    struct bus_options options = {.bind = f->ipc, .senders = f->ipc, .send = true};
    struct bus *sender = NULL, *worker = NULL;
    assert_int_equal(bus_open(&sender, &options, HINTS, 0), 0);
    assert_int_equal(bus_open(&worker, &options, 0, HINTS), 0);
    assert_true(arrives(sender, worker, PATIENCE_USEC));
    bus_free(worker);
    bus_free(sender);
}

static void test_curve(void **state) {
    const struct fixture *f = *state;
    struct bus *sender = open_as(f, SENDER, f->tcp, ""), *worker = open_as(f, WORKER, "", f->tcp);
    assert_true(arrives(sender, worker, PATIENCE_USEC));
    bus_free(worker);
    bus_free(sender);
}

/* One worker of a sender on this machine and of one on another. */
static void test_mixed(void **state) {
    const struct fixture *f = *state;
    char both[256];
    (void) snprintf(both, sizeof(both), "%s %s", f->tcp, f->ipc);
    struct bus_options near = {.bind = f->ipc, .senders = "", .send = true};
    struct bus *local = NULL, *worker = open_as(f, WORKER, "", both);
    assert_int_equal(bus_open(&local, &near, HINTS, 0), 0);
    assert_true(arrives(local, worker, PATIENCE_USEC));
    bus_free(local);
    struct bus *sender = open_as(f, SENDER, f->tcp, "");
    assert_true(arrives(sender, worker, PATIENCE_USEC));
    bus_free(worker);
    bus_free(sender);
}

static void test_stranger(void **state) {
    const struct fixture *f = *state;
    double before = refused();
    struct bus *sender = open_as(f, SENDER, f->tcp, ""), *stranger = open_as(f, STRANGER, "", f->tcp);
    wait_for_refusal(sender, before);
    assert_false(arrives(sender, stranger, USEC_PER_SEC / 2));
    /* A list that cannot be read changes nothing. */
    write_file(f->peers, 0644, "sender nonsense\n");
    bus_reload(sender);
    assert_false(arrives(sender, stranger, USEC_PER_SEC / 2));
    /* Let in later, he comes by himself: libzmq alone would never try again. */
    write_peers(f, true, true);
    bus_reload(sender);
    assert_true(arrives(sender, stranger, PATIENCE_USEC));
    bus_free(stranger);
    bus_free(sender);
    write_peers(f, true, false);
}

/* What speaks ZMTP without CURVE gets nothing, and what it sends is never read. */
static void test_no_key(void **state) {
    const struct fixture *f = *state;
    struct bus *sender = open_as(f, SENDER, f->tcp, "");
    void *zmq = zmq_ctx_new(), *pull = zmq_socket(zmq, ZMQ_PULL);
    char address[80];
    int zero = 0, wait = 500;
    uint8_t bytes[64];
    (void) zmq_setsockopt(pull, ZMQ_LINGER, &zero, sizeof(zero));
    (void) zmq_setsockopt(pull, ZMQ_RCVTIMEO, &wait, sizeof(wait));
    long port = strtol(strrchr(f->tcp, ':') + 1, NULL, 10) + (long) STAGE_check;
    (void) snprintf(address, sizeof(address), "tcp://127.0.0.1:%ld", port);
    assert_int_equal(zmq_connect(pull, address), 0);
    pause_usec(100 * USEC_PER_MSEC);
    bus_hint(sender, STAGE_check, 1);
    assert_int_equal(zmq_recv(pull, bytes, sizeof(bytes), 0), -1);
    (void) zmq_close(pull);
    (void) zmq_ctx_term(zmq);
    bus_free(sender);
}

/* Who binds the sender's address without its key is not believed. */
static void test_impostor(void **state) {
    const struct fixture *f = *state;
    struct bus_options options = {
        .bind = f->tcp, .senders = "", .key = f->key[STRANGER], .peers = f->peers, .send = true};
    struct bus *impostor = NULL, *worker = open_as(f, WORKER, "", f->tcp);
    assert_int_equal(bus_open(&impostor, &options, HINTS, 0), 0);
    assert_false(arrives(impostor, worker, USEC_PER_SEC));
    bus_free(impostor);
    bus_free(worker);
}

/* Frames of our own making from a sender that the worker trusts: counted, dropped, or a hint like any other. */
static void test_forged_frames(void **state) {
    const struct fixture *f = *state;
    char address[128];
    (void) snprintf(address, sizeof(address), "%s/%s", f->ipc, stage_name(STAGE_check));
    void *zmq = zmq_ctx_new(), *push = zmq_socket(zmq, ZMQ_PUSH);
    int zero = 0;
    (void) zmq_setsockopt(push, ZMQ_LINGER, &zero, sizeof(zero));
    assert_int_equal(zmq_bind(push, address), 0);
    struct bus_options options = {.bind = f->ipc, .senders = f->ipc, .send = true};
    struct bus *worker = NULL;
    assert_int_equal(bus_open(&worker, &options, 0, HINTS), 0);
    struct message_HINT hint = {.job = UINT64_MAX};
    uint8_t good[MESSAGE_BYTES_MAX], other[MESSAGE_BYTES_MAX];
    (void) snprintf(hint.stage, sizeof(hint.stage), "check");
    size_t len = message_encode_HINT(&hint, good);
    (void) snprintf(hint.stage, sizeof(hint.stage), "sign");
    size_t other_len = message_encode_HINT(&hint, other);
    double malformed = count_of("inkan_hints_refused_total{reason=\"malformed\"} "),
           misled = count_of("inkan_hints_refused_total{reason=\"stage\"} ");
    const struct {
        const void *bytes;
        size_t len;
        int flags;
    } frames[] = {{"", 0, 0},     {"IK", 2, 0},   {good, len - 1, 0}, {other, other_len, 0}, {good, len, ZMQ_SNDMORE},
                  {good, len, 0}, {good, len, 0}, {good, len, 0}};
    unsigned hinted = 0;
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        assert_int_equal(zmq_send(push, frames[i].bytes, frames[i].len, frames[i].flags), (int) frames[i].len);
        pause_usec(20 * USEC_PER_MSEC);
        hinted |= bus_drain(worker);
    }
    for (int64_t end = clock_monotonic_usec() + PATIENCE_USEC; hinted != HINTS && clock_monotonic_usec() < end;)
        hinted |= bus_drain(worker);
    assert_int_equal(hinted, HINTS);
    assert_int_equal((int) (count_of("inkan_hints_refused_total{reason=\"malformed\"} ") - malformed), 3);
    assert_int_equal((int) (count_of("inkan_hints_refused_total{reason=\"stage\"} ") - misled), 1);
    bus_free(worker);
    (void) zmq_close(push);
    (void) zmq_ctx_term(zmq);
}

static void refuses(const char *bind, const char *senders, const char *key, const char *peers) {
    struct bus_options options = {.bind = bind, .senders = senders, .key = key, .peers = peers, .send = true};
    struct bus *bus = NULL;
    assert_int_equal(bus_open(&bus, &options, *bind ? HINTS : 0, *senders ? HINTS : 0), -EINVAL);
    assert_null(bus);
}

static void test_wrong_settings(void **state) {
    const struct fixture *f = *state;
    char path[96];
    (void) snprintf(path, sizeof(path), "%s/bad", f->directory);
    refuses(f->tcp, "", "", "");
    refuses("", f->tcp, NULL, NULL);
    refuses(f->tcp, "", f->key[SENDER], "");
    refuses("udp://127.0.0.1:1", "", "", "");
    refuses("tcp://127.0.0.1:65536", "", f->key[SENDER], f->peers);
    refuses("", "tcp://127.0.0.1:9", f->key[WORKER], f->peers); /* no key is known for it */
    refuses(f->tcp, "", "/nowhere", f->peers);
    refuses(f->tcp, "", f->key[SENDER], "/nowhere");
    write_file(path, 0644, f->secret[SENDER]); /* others can read it */
    refuses(f->tcp, "", path, f->peers);
    assert_int_equal(unlink(path), 0);
    static const char *const bad_keys[] = {
        "", "short", "a line of forty characters that is no key..\n",
        "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""};
    for (size_t i = 0; i < ARRAY_SIZE(bad_keys); i++) {
        write_file(path, 0600, bad_keys[i]);
        refuses(f->tcp, "", path, f->peers);
    }
    _cleanup_buf_ struct buf many = {0};
    for (int i = 0; i < 300; i++)
        buf_printf(&many, "peer-%d %s\n", i, f->public[WORKER]);
    _cleanup_buf_ struct buf four = {0};
    buf_printf(&four, "peer %s tcp://a:1 more\n", f->public[WORKER]);
    const char *const bad_peers[] = {"name\n", "name key\n", buf_string(&four), buf_string(&many)};
    for (size_t i = 0; i < ARRAY_SIZE(bad_peers); i++) {
        write_file(path, 0644, bad_peers[i]);
        refuses(f->tcp, "", f->key[SENDER], path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipc),           cmocka_unit_test(test_curve),          cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_stranger),      cmocka_unit_test(test_no_key),         cmocka_unit_test(test_impostor),
        cmocka_unit_test(test_forged_frames), cmocka_unit_test(test_wrong_settings),
    };
    log_open("test", LOG_LEVEL_DEBUG);
    return cmocka_run_group_tests(tests, setup, teardown);
}
