/* upload: a client of the registrars' API: sends a file, waits for its end, shows what became of each row. */
#include <openssl/rand.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "commands.h"
#include "ctl_text.h"
#include "http.h"

#define FILE_BYTES_MAX ((size_t) 512 << 20)
#define WAIT_SEC 30 /* of one request; the server allows 60 */
#define REQUEST_SEC 120L

const struct command_option upload_options[] = {
    {"url", "URL", "the registrars' listener, https://…", true},
    {"certificate", "FILE", "the registrar's TLS certificate, PEM", true},
    {"key", "FILE", "its key, PEM", true},
    {"ca", "FILE", "trust for the listener, PEM (default: the system's)", false},
    {"kind", "KIND", "server-issue (default), server-renew, server-revoke, manager-update", false},
    {"on-error", "MODE", "abort (default): one bad row refuses the file; skip: good rows are taken", false},
    {"dry-run", NULL, "check only, register nothing", false},
    {"confirmed", NULL, "the review items are confirmed; wanted unless --dry-run", false},
    {"idempotency-key", "TEXT", "the same key and file again give the same upload (default: a new one)", false},
    {"no-wait", NULL, "do not wait for the end", false},
    {0},
};
const struct statement *const upload_statements[] = {NULL};

struct client {
    struct ctl *c;
    struct http_tls tls;
    const char *url;
};

/* RFC 9457 problem details: what the server refuses and why. */
static int say_problem(long status, const char *reason, const struct buf *body) {
    if (status == 0)
        return ctl_fail(CTL_FAILED, "no answer: %s", reason);
    json_t *problem = json_loadb(buf_string(body), body->len, 0, NULL);
    const char *title = json_string_value(json_object_get(problem, "title"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    int r =
        ctl_fail(status == 404  ? CTL_NOT_FOUND
                 : status < 500 ? CTL_REFUSED
                                : CTL_FAILED,
                 "status %ld: %s%s%s", status, title ? title : "", title && detail ? ": " : "", detail ? detail : "");
    json_decref(problem);
    return r;
}

/* 0 and the JSON object, or an exit code (said). */
static int exchange(const struct client *cl, struct http_request *request, json_t **ret) {
    _cleanup_buf_ struct buf body = {0};
    char reason[256];
    request->tls = &cl->tls;
    request->timeout_sec = REQUEST_SEC;
    long status = http_run(request, &body, reason);
    if (status < 200 || status > 299)
        return say_problem(status, reason, &body);
    *ret = json_loadb(buf_string(&body), body.len, 0, NULL);
    return json_is_object(*ret) ? 0 : ctl_fail(CTL_FAILED, "the answer is no JSON object");
}

static void new_key(struct buf *to) {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof(bytes)) == 1)
        text_hex(to, bytes, sizeof(bytes));
}

static int send_file(const struct client *cl, json_t **ret) {
    struct ctl *c = cl->c;
    const char *path = ctl_argument(c, 0), *kind = ctl_option(c, "kind"), *mode = ctl_option(c, "on-error");
    const char *given_key = ctl_option(c, "idempotency-key"), *slash = strrchr(path, '/');
    _cleanup_buf_ struct buf file = {0}, url = {0}, header = {0};
    int r = ctl_read_file(path, FILE_BYTES_MAX, &file);
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(-r));
    buf_printf(&url, "%s/api/v1/uploads?kind=", cl->url);
    text_percent(&url, kind ? kind : "server-issue");
    buf_printf(&url, "&on_error=%s&dry_run=%s&confirmed=%s&filename=", mode ? mode : "abort",
               ctl_switch(c, "dry-run") ? "true" : "false", ctl_switch(c, "confirmed") ? "true" : "false");
    text_percent(&url, slash ? slash + 1 : path);
    buf_text(&header, "Idempotency-Key: ");
    if (given_key)
        buf_text(&header, given_key);
    else
        new_key(&header);
    if (url.failed || header.failed)
        return ctl_fail(CTL_FAILED, "out of memory");
    struct http_request request = {.url = buf_string(&url),
                                   .body = buf_string(&file),
                                   .body_len = file.len,
                                   .content_type = "text/tab-separated-values",
                                   .header = buf_string(&header)};
    return exchange(cl, &request, ret);
}

static int get(const struct client *cl, const char *id, const char *query, json_t **ret) {
    _cleanup_buf_ struct buf url = {0};
    buf_printf(&url, "%s/api/v1/uploads/", cl->url);
    text_percent(&url, id);
    buf_text(&url, query);
    struct http_request request = {.url = buf_string(&url)};
    return url.failed ? ctl_fail(CTL_FAILED, "out of memory") : exchange(cl, &request, ret);
}

static bool is_over(const json_t *upload) {
    const char *state = json_string_value(json_object_get(upload, "state"));
    return state && (strcmp(state, "done") == 0 || strcmp(state, "rejected") == 0);
}

/* *upload is exchanged for newer ones until it has ended. */
static int wait_for_end(const struct client *cl, json_t **upload) {
    while (!is_over(*upload)) {
        const char *id = json_string_value(json_object_get(*upload, "id"));
        const char *state = json_string_value(json_object_get(*upload, "state"));
        json_t *newer = NULL;
        char query[100];
        (void) snprintf(query, sizeof(query), "?wait=%d&state=%.20s", WAIT_SEC, state ? state : "");
        int r = id ? get(cl, id, query, &newer) : ctl_fail(CTL_FAILED, "the answer names no upload");
        if (r != 0) {
            json_decref(newer);
            return r;
        }
        json_decref(*upload);
        *upload = newer;
    }
    return 0;
}

/* Further pages of rows go behind the first. */
static int add_pages(const struct client *cl, json_t *upload) {
    const char *id = json_string_value(json_object_get(upload, "id"));
    json_t *rows = json_object_get(upload, "rows"), *next = json_incref(json_object_get(upload, "next"));
    int r = 0;
    while (r == 0 && id && rows && next && !json_is_null(next)) {
        _cleanup_buf_ struct buf query = {0};
        json_t *page = NULL;
        buf_text(&query, "?cursor=");
        if (json_is_string(next))
            text_percent(&query, json_string_value(next));
        else
            buf_printf(&query, "%lld", (long long) json_integer_value(next));
        r = get(cl, id, buf_string(&query), &page);
        if (r == 0 && json_array_extend(rows, json_object_get(page, "rows")) < 0)
            r = ctl_fail(CTL_FAILED, "the answer has no rows");
        json_decref(next);
        next = json_incref(json_object_get(page, "next"));
        json_decref(page);
    }
    json_decref(next);
    return r;
}

/* For people: a row's errors as the manual's cells, and no page cursor. */
static void make_readable(json_t *upload) {
    size_t i, j;
    json_t *row;
    const json_t *error;
    (void) json_object_del(upload, "next");
    json_array_foreach(json_object_get(upload, "rows"), i, row) {
        _cleanup_buf_ struct buf text = {0};
        json_array_foreach(json_object_get(row, "errors"), j, error) {
            json_t *code = json_object_get(error, "code"), *column = json_object_get(error, "column");
            const char *item = json_string_value(json_object_get(error, "item"));
            const char *message = json_string_value(json_object_get(error, "message"));
            buf_printf(&text, "%s%lld:%lld,%s,%s", j > 0 ? " / " : "", (long long) json_integer_value(code),
                       (long long) json_integer_value(column), item ? item : "", message ? message : "");
        }
        (void) json_object_set_new(row, "errors", json_string(buf_string(&text)));
    }
}

static int check_options(const struct ctl *c) {
    static const char *const modes[] = {"abort", "skip", NULL};
    if (strncmp(ctl_option(c, "url"), "https://", 8) != 0)
        return ctl_fail(CTL_USAGE, "--url: https://…");
    if (!ctl_switch(c, "dry-run") && !ctl_switch(c, "confirmed"))
        return ctl_fail(CTL_USAGE, "--confirmed or --dry-run");
    return ctl_check_word("on-error", ctl_option(c, "on-error"), modes);
}

int upload_run(struct ctl *c) {
    struct client cl = {
        .c = c,
        .url = ctl_option(c, "url"),
        .tls = {.certificate = ctl_option(c, "certificate"), .key = ctl_option(c, "key"), .ca = ctl_option(c, "ca")}};
    int r = check_options(c);
    if (r == 0)
        r = send_file(&cl, &c->result);
    if (r == 0 && !ctl_switch(c, "no-wait")) {
        r = wait_for_end(&cl, &c->result);
        const char *id = json_string_value(json_object_get(c->result, "id"));
        json_t *whole = NULL;
        /* What came with the answer to the POST has no rows yet. */
        if (r == 0 && !json_object_get(c->result, "rows") && id && (r = get(&cl, id, "", &whole)) == 0) {
            json_decref(c->result);
            c->result = whole;
        }
        if (r == 0)
            r = add_pages(&cl, c->result);
    }
    if (r != 0)
        return r;
    bool bad = json_integer_value(json_object_get(c->result, "rows_ng")) > 0 ||
               strcmp(json_string_value(json_object_get(c->result, "state")) ?: "", "rejected") == 0;
    if (!c->line.json)
        make_readable(c->result);
    return bad ? CTL_REFUSED : CTL_OK;
}
