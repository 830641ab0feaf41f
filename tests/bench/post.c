/*
 * The clients of an HTTP CA that signs one CSR a request, as cfssl does: each CSR posted as {"certificate_request": PEM} by
 * one of so many clients, each with a connection of its own that it keeps. In C, because the clients share the machine with
 * what they measure.
 *
 *   bench_post URL FILE.csrs CLIENTS        prints seconds and answers per second
 */
#include <curl/curl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "csrs.h"
#include "parallel.h"

#define PEM_LINE 64
#define GOOD "\"success\":true"
#define CLIENTS_MAX 64

struct posts {
    const char *url;
    struct csrs csrs;
    struct buf *body;
    atomic_int failed;
};

static void make_body(struct buf *to, const void *der, size_t len) {
    _cleanup_buf_ struct buf base64 = {0};
    text_base64(&base64, der, len);
    buf_text(to, "{\"certificate_request\":\"-----BEGIN CERTIFICATE REQUEST-----\\n");
    for (size_t at = 0; at < base64.len; at += PEM_LINE)
        buf_printf(to, "%.*s\\n", PEM_LINE, base64.data + at);
    buf_text(to, "-----END CERTIFICATE REQUEST-----\\n\"}");
}

static size_t take(char *data, size_t size, size_t n, void *answer) {
    buf_add(answer, data, size * n);
    return size * n;
}

static CURL *client(const char *url) {
    static _Thread_local CURL *curl;
    if (!curl) {
        curl = curl_easy_init();
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER,
                         curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), "Expect:"));
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    return curl;
}

static void post(void *ctx, size_t i) {
    struct posts *p = ctx;
    _cleanup_buf_ struct buf answer = {0};
    CURL *curl = client(p->url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, p->body[i].data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long) p->body[i].len);
    if (curl_easy_perform(curl) != CURLE_OK || !strstr(buf_string(&answer), GOOD)) {
        if (atomic_fetch_add(&p->failed, 1) == 0)
            (void) fprintf(stderr, "bench_post: no certificate: %s\n", buf_string(&answer));
    }
}

int main(int argc, char **argv) {
    struct posts p = {0};
    int64_t clients = 0;
    if (argc != 4 || text_to_int64(argv[3], 1, CLIENTS_MAX, &clients) < 0 || csrs_read(&p.csrs, argv[2]) < 0) {
        (void) fprintf(stderr, "usage: bench_post URL FILE.csrs CLIENTS\n");
        return 2;
    }
    p.url = argv[1];
    p.body = calloc(p.csrs.n, sizeof(*p.body));
    struct parallel *threads = parallel_new((unsigned) clients);
    if (!p.body || !threads || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    for (size_t i = 0; i < p.csrs.n; i++)
        make_body(&p.body[i], p.csrs.bytes.data + p.csrs.offset[i], p.csrs.len[i]);
    int64_t begin = clock_monotonic_usec();
    parallel_for(threads, p.csrs.n, post, &p);
    double seconds = (double) (clock_monotonic_usec() - begin) / USEC_PER_SEC;
    (void) printf("%.3f %.1f\n", seconds, (double) p.csrs.n / seconds);
    parallel_free(threads);
    return p.failed != 0;
}
