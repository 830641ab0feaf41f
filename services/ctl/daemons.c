#include "daemons.h"

#include "http.h"

#define TIMEOUT_SEC 10L

/* The reasons of /readyz in one line. */
static void add_reasons(struct buf *to, const char *body, size_t len) {
    json_t *answer = json_loadb(body, len, 0, NULL);
    size_t i;
    const json_t *reason;
    json_array_foreach(json_object_get(answer, "reasons"), i, reason) if (json_is_string(reason))
        buf_printf(to, "%s%s", i > 0 ? "; " : "", json_string_value(reason));
    json_decref(answer);
}

json_t *daemon_ready(const char *daemon, const char *address, long *ret_status) {
    _cleanup_buf_ struct buf url = {0}, body = {0}, reasons = {0};
    char why[256];
    buf_printf(&url, "http://%s/readyz", address);
    long status = http_run(&(struct http_request){.url = buf_string(&url), .timeout_sec = TIMEOUT_SEC}, &body, why);
    *ret_status = status;
    if (status == 0)
        buf_text(&reasons, why);
    else
        add_reasons(&reasons, buf_string(&body), body.len);
    if (status != 200 && reasons.len == 0)
        buf_printf(&reasons, "status %ld", status);
    return json_pack("{s:s, s:b, s:s, s:s}", "daemon", daemon, "ready", (int) (status == 200), "address", address,
                     "reasons", buf_string(&reasons));
}

void daemon_metrics(const char *address, struct buf *ret) {
    _cleanup_buf_ struct buf url = {0};
    char why[256];
    buf_printf(&url, "http://%s/metrics", address);
    if (http_run(&(struct http_request){.url = buf_string(&url), .timeout_sec = TIMEOUT_SEC}, ret, why) != 200)
        buf_reset(ret);
}
