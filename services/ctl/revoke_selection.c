#include "revoke_selection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "ctl_text.h"

#define FILE_BYTES_MAX (64 << 20)
#define SERIAL_BYTES 16
#define SERIAL_COLUMN 4 /* of a server-revoke file */
#define LINE_BYTES_MAX 200

void selection_done(struct selection *s) {
    free(s->serials);
    json_decref(s->given);
}

/* ---- the file */

/* The cell of a line that holds the serial number. */
static const char *serial_cell(const char *line, size_t len, size_t *ret_len) {
    const char *end = line + len, *tab = memchr(line, '\t', len);
    if (tab) {
        for (int column = 1; column < SERIAL_COLUMN; column++) {
            const char *next = memchr(line, '\t', (size_t) (end - line));
            line = next ? next + 1 : end;
        }
        tab = memchr(line, '\t', (size_t) (end - line));
        end = tab ? tab : end;
    }
    *ret_len = (size_t) (end - line);
    return line;
}

static int take_line(struct selection *s, const char *line, size_t len) {
    char text[LINE_BYTES_MAX];
    while (len > 0 && strchr("\r \t", line[len - 1]))
        len--;
    if (len == 0)
        return 0;
    const char *cell = serial_cell(line, len, &len);
    if (len == 0 || len >= sizeof(text))
        return -EINVAL;
    memcpy(text, cell, len);
    text[len] = '\0';
    return text_parse_serial(text, s->serials + SERIAL_BYTES * s->serials_count++) < 0 ? -EINVAL : 0;
}

int selection_serials(struct selection *s, const char *text, size_t len, int *ret_line) {
    size_t lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    s->serials = calloc(lines, SERIAL_BYTES);
    if (!s->serials)
        return -ENOMEM;
    *ret_line = 1;
    for (const char *at = text, *end = text + len; at < end; (*ret_line)++) {
        const char *newline = memchr(at, '\n', (size_t) (end - at));
        int r = take_line(s, at, (size_t) ((newline ? newline : end) - at));
        if (r < 0)
            return r;
        at = newline ? newline + 1 : end;
    }
    return 0;
}

static int read_serials(struct selection *s, const char *path) {
    _cleanup_buf_ struct buf text = {0};
    int line = 0, r = ctl_read_file(path, FILE_BYTES_MAX, &text);
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(-r));
    s->by_file = true;
    r = selection_serials(s, buf_string(&text), text.len, &line);
    if (r == -EINVAL)
        return ctl_fail(CTL_USAGE, "%s: line %d has no serial number (decimal, or hexadecimal with 0x)", path, line);
    return r < 0 ? ctl_fail(CTL_FAILED, "out of memory") : 0;
}

/* ---- times */

int selection_time(const char *text, bool end, int64_t *ret_usec) {
    struct tm tm = {0};
    if (clock_parse_date(text, ret_usec) == 0) {
        *ret_usec += ((end ? SEC_PER_DAY : 0) - (int64_t) JST_OFFSET_SEC) * USEC_PER_SEC;
        return 0;
    }
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!rest || *rest)
        return -EINVAL;
    *ret_usec = (int64_t) timegm(&tm) * USEC_PER_SEC;
    return 0;
}

static int read_time(const char *option, const char *text, bool end, int64_t *ret_usec) {
    return selection_time(text, end, ret_usec) == 0
               ? 0
               : ctl_fail(CTL_USAGE, "--%s: a day (2026-04-01, JST) or a time (2026-04-01T00:00:00Z)", option);
}

/* ---- all */

static int read_option(struct selection *s, struct ctl *c, const char *name, const char *text) {
    if (strcmp(name, "file") == 0)
        return read_serials(s, text);
    if (strcmp(name, "organisation") == 0)
        return ctl_organisation(c, text, &s->organisation);
    if (strcmp(name, "domain") == 0)
        return ctl_domain(text, s->domain);
    if (strcmp(name, "profile") == 0)
        return ctl_number(c, name, 1, 999, 0, &s->profile);
    if (strcmp(name, "issuer") == 0)
        return ctl_number(c, name, 1, INT16_MAX, 0, &s->issuer);
    if (strcmp(name, "issued-from") == 0)
        return read_time(name, text, false, &s->from_usec);
    if (strcmp(name, "issued-until") == 0)
        return read_time(name, text, true, &s->until_usec);
    if (strcmp(name, "policy") == 0) {
        s->by_policy = true;
        return spki_from_hex(name, text, s->policy);
    }
    if (s->by_key)
        return ctl_fail(CTL_USAGE, "either --spki or --key");
    s->by_key = true;
    return strcmp(name, "spki") == 0 ? spki_from_hex(name, text, s->spki_hash) : spki_from_file(text, s->spki_hash);
}

int selection_read(struct selection *ret, struct ctl *c) {
    static const char *const names[] = {"file",        "organisation", "domain", "profile", "issuer",
                                        "issued-from", "issued-until", "policy", "spki",    "key"};
    *ret = (struct selection){.given = json_object()};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *text = ctl_option(c, names[i]);
        int r = text ? read_option(ret, c, names[i], text) : 0;
        if (r != 0)
            return r;
        if (text && json_object_set_new(ret->given, names[i], json_string(text)) < 0)
            return ctl_fail(CTL_USAGE, "--%s: not UTF-8", names[i]);
    }
    if (json_object_size(ret->given) == 0)
        return ctl_fail(CTL_USAGE, "nothing says which certificates: --file, --organisation, --domain, …");
    if (ret->by_file)
        (void) json_object_set_new(ret->given, "serials", json_integer((json_int_t) ret->serials_count));
    return 0;
}

static void add_number(struct db_args *args, int64_t number, bool wide) {
    if (number == 0)
        db_add_null(args);
    else if (wide)
        db_add_int64(args, number);
    else
        db_add_int32(args, (int32_t) number);
}

static void add_time(struct db_args *args, int64_t usec) {
    if (usec)
        db_add_time(args, usec);
    else
        db_add_null(args);
}

static void add_hash(struct db_args *args, bool wanted, const uint8_t *hash) {
    if (wanted)
        db_add_bytes(args, hash, SPKI_HASH_BYTES);
    else
        db_add_null(args);
}

int selection_args(const struct selection *s, struct db_args *args, struct db_bytes **ret_serials) {
    *ret_serials = calloc(s->serials_count + 1, sizeof(**ret_serials));
    if (!*ret_serials)
        return -ENOMEM;
    for (size_t i = 0; i < s->serials_count; i++)
        (*ret_serials)[i] = (struct db_bytes){s->serials + SERIAL_BYTES * i, SERIAL_BYTES};
    if (s->by_file)
        db_add_bytes_array(args, *ret_serials, s->serials_count);
    else
        db_add_null(args);
    add_number(args, s->organisation, true);
    db_add_text(args, s->domain[0] ? s->domain : NULL);
    add_number(args, s->profile, false);
    add_number(args, s->issuer, false);
    add_time(args, s->from_usec);
    add_time(args, s->until_usec);
    add_hash(args, s->by_key, s->spki_hash);
    add_hash(args, s->by_policy, s->policy);
    return 0;
}
