/*
 * What the ingress reads of a request before any database: the path against the route tables, Origin and Sec-Fetch-Site, the
 * language, the cookie of the forms. The input is lines: path, host, origin, fetch site, cookies, languages.
 */
#include "base/text.h"
#include "fuzz.h"
#include "services/ingress/http/core.h"
#include "services/ingress/pages/pages.h"

static int nothing(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    (void) r;
    (void) p;
    return 0;
}

#define TABLE(name, ...) const struct route name[] = {__VA_ARGS__, {.handle = NULL}}
TABLE(upload_api_routes,
      {LISTENER_REGISTRAR, "GET", "/api/v1/uploads/{}/events", ACCESS_REGISTRAR, false, false, nothing},
      {LISTENER_REGISTRAR, "GET", "/api/v1/uploads/{}", ACCESS_REGISTRAR, false, false, nothing});
TABLE(certificate_api_routes, {LISTENER_REGISTRAR, "GET", "/a/{}.x/{}/{}/{}", ACCESS_REGISTRAR, false, false, nothing});
TABLE(upload_file_routes,
      {LISTENER_REGISTRAR, "GET", "/api/v1/uploads/{}/lines.tsv", ACCESS_REGISTRAR, false, false, nothing});
TABLE(statistics_api_routes,
      {LISTENER_REGISTRAR, "GET", "/api/v1/statistics", ACCESS_REGISTRAR, false, false, nothing});
TABLE(certificate_page_routes,
      {LISTENER_REGISTRAR, "GET", "/certificates/{}", ACCESS_REGISTRAR, false, false, nothing});
TABLE(permission_api_routes,
      {LISTENER_REGISTRAR, "GET", "/api/v1/permissions.tsv", ACCESS_REGISTRAR, false, false, nothing});
TABLE(links_api_routes,
      {LISTENER_REGISTRAR, "POST", "/api/v1/links/{}/resend", ACCESS_REGISTRAR, true, false, nothing});
TABLE(page_routes, {LISTENER_REGISTRAR, "GET", "/", ACCESS_REGISTRAR, false, false, nothing});
TABLE(link_routes, {LISTENER_REGISTRAR, "GET", "/d/{}", ACCESS_ANYONE, false, false, nothing});
TABLE(pki_routes, {LISTENER_REGISTRAR, "GET", "/ca/{}.cer", ACCESS_ANYONE, false, false, nothing});
TABLE(ocsp_routes, {LISTENER_REGISTRAR, "GET", "/ocsp/{*}", ACCESS_ANYONE, .handle = nothing});

/* page_csrf.c asks for these; the one request there is. */
static const char *cookies, *field;

const char *request_header(const struct request *r, const char *name) {
    (void) r;
    return strcmp(name, "Cookie") == 0 ? cookies : NULL;
}

const char *request_parameter(const struct request *r, const char *name) {
    (void) r;
    return strcmp(name, "csrf") == 0 ? field : NULL;
}

void reply_header(struct reply *p, const char *name, const char *format, ...) {
    (void) p;
    (void) name;
    (void) format;
}

static void route(const char *path) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT"};
    char *segments[4] = {NULL};
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        const char *allow = NULL;
        const struct route *found = router_find(LISTENER_REGISTRAR, methods[i], path, segments, &allow);
        for (size_t k = 0; k < 4; k++) {
            if (!segments[k])
                continue;
            MUST(found && *segments[k] && text_is_utf8(segments[k], strlen(segments[k])));
            free(segments[k]);
            segments[k] = NULL;
        }
        MUST(!router_find(LISTENER_PUBLIC, methods[i], path, segments, &allow));
    }
}

static void origin(const char *host, const char *from, const char *site) {
    bool foreign = origin_is_foreign(*from ? from : NULL, *site ? site : NULL, *host ? host : NULL, true);
    if (!foreign && *from)
        MUST(strncmp(from, "https://", 8) == 0 && strcasecmp(from + 8, host) == 0);
    if (*site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        MUST(foreign);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size), *rest = text;
    const char *line[6];
    for (size_t i = 0; i < ARRAY_SIZE(line); i++) {
        line[i] = rest ? strsep(&rest, "\n") : "";
    }
    route(line[0]);
    origin(line[1], line[2], line[3]);
    (void) language_choose(line[3], line[4], line[5]);
    struct request r = {0};
    cookies = line[4];
    field = line[5];
    if (page_csrf_right(&r))
        MUST(strlen(field) == 22 && strstr(cookies, field));
    struct reply p = {0};
    char *token = page_csrf(&r, &p);
    MUST(token && strlen(token) == 22);
    free(token);
    free(text);
    return 0;
}
