#include "http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES_MAX ((size_t) 64 << 20)
#define CONNECT_TIMEOUT_SEC 10L

static size_t take(char *data, size_t size, size_t n, void *ctx) {
    struct buf *to = ctx;
    buf_add(to, data, size * n);
    return to->failed ? 0 : size * n;
}

static CURLcode set_tls(CURL *curl, const struct http_tls *tls) {
    CURLcode r = CURLE_OK;
    if (tls && tls->certificate)
        r = curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->certificate);
    if (r == CURLE_OK && tls && tls->key)
        r = curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->key);
    if (r == CURLE_OK && tls && tls->ca)
        r = curl_easy_setopt(curl, CURLOPT_CAINFO, tls->ca);
    return r;
}

static CURLcode set_body(CURL *curl, const struct http_request *request) {
    if (!request->body)
        return CURLE_OK;
    CURLcode r = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len);
    return r == CURLE_OK ? curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body) : r;
}

static CURLcode set_all(CURL *curl, const struct http_request *request, struct curl_slist *headers, struct buf *body,
                        char *reason) {
    CURLcode r = curl_easy_setopt(curl, CURLOPT_URL, request->url);
    if (r == CURLE_OK)
        r = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (r == CURLE_OK)
        r = set_tls(curl, request->tls);
    if (r == CURLE_OK)
        r = set_body(curl, request);
    if (r != CURLE_OK)
        return r;
    (void) curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void) curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost"); /* whatever the environment says */
    (void) curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_SEC);
    (void) curl_easy_setopt(curl, CURLOPT_TIMEOUT, request->timeout_sec);
    (void) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void) curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    (void) curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void) curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    return CURLE_OK;
}

static struct curl_slist *make_headers(const struct http_request *request) {
    _cleanup_buf_ struct buf type = {0};
    buf_printf(&type, "Content-Type: %s", request->content_type ? request->content_type : "");
    /* No "Expect: 100-continue": the wait for it costs a second where a server does not know it. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (list && request->content_type)
        (void) curl_slist_append(list, buf_string(&type));
    if (list && request->header)
        (void) curl_slist_append(list, request->header);
    return list;
}

long http_run(const struct http_request *request, struct buf *ret_body, char reason[static 256]) {
    long status = 0;
    reason[0] = '\0';
    ret_body->max = ANSWER_BYTES_MAX;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = make_headers(request);
    CURLcode r = curl && headers ? set_all(curl, request, headers, ret_body, reason) : CURLE_OUT_OF_MEMORY;
    if (r == CURLE_OK)
        r = curl_easy_perform(curl);
    if (r == CURLE_OK)
        (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    else if (reason[0] == '\0')
        (void) snprintf(reason, 256, "%s", curl_easy_strerror(r));
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}
