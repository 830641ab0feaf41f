/* GET /api/v1/certificates… */
#include "services/ingress/certificates/certificate_api.h"

#include <errno.h>
#include <string.h>

#include "services/ingress/certificates/certificate_view.h"

static int certificates(struct thread *t, struct request *r, struct reply *p) {
    struct certificate_query query;
    if (certificate_query_read(r, p, &query) < 0)
        return 0;
    json_t *page = NULL;
    int result = certificate_query_run(t, r, &query, &page);
    if (result == 0)
        reply_json(p, 200, page);
    return result;
}

/* What stands behind the serial number in the address of a file. */
static const struct {
    const char *suffix;
    enum certificate_form form;
} files[] = {{".pem", CERTIFICATE_FORM_CHAIN},
             {"-chain.cer", CERTIFICATE_FORM_CHAIN},
             {".cer", CERTIFICATE_FORM_PEM},
             {".der", CERTIFICATE_FORM_DER},
             {".p7b", CERTIFICATE_FORM_P7B}};

/* The file of files[] that name asks for, and what is before its suffix; ARRAY_SIZE(files): none, a bare serial number. */
static size_t file_of(const char *name, size_t *ret_len) {
    size_t len = strlen(name);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        size_t suffix = strlen(files[i].suffix);
        if (len > suffix && strcmp(name + len - suffix, files[i].suffix) == 0) {
            *ret_len = len - suffix;
            return i;
        }
    }
    *ret_len = len;
    return ARRAY_SIZE(files);
}

/* {serial}, or {serial} and a suffix of files[] */
static int certificate(struct thread *t, struct request *r, struct reply *p) {
    size_t len, file = file_of(r->segment[0], &len);
    char serial[64] = "";
    if (len < sizeof(serial))
        memcpy(serial, r->segment[0], len);
    _cleanup_rows_ struct db_rows *rows = NULL;
    int result = certificate_read_one(t, r, serial, &rows);
    if (result < 0)
        return result;
    if (result == 0) {
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
        return 0;
    }
    if (file == ARRAY_SIZE(files)) {
        reply_json(p, 200, certificate_json(rows, 0));
        return 0;
    }
    p->type = certificate_forms[files[file].form].type;
    reply_header(p, "Content-Disposition", "attachment; filename=\"%s%s\"", db_text(rows, 0, CERTIFICATE_CN),
                 files[file].suffix);
    return certificate_put(&p->body, files[file].form, db_bytes(rows, 0, CERTIFICATE_DER),
                           db_bytes(rows, 0, CERTIFICATE_ISSUER_DER));
}

const struct route certificate_api_routes[] = {
    {LISTENER_REGISTRAR, "GET", "/api/v1/certificates", ACCESS_REGISTRAR, false, false, certificates,
     .takes = "q, state, expires_after, expires_before, cursor, limit"},
    {LISTENER_REGISTRAR, "GET", "/api/v1/certificates.tsv", ACCESS_REGISTRAR, false, false, certificate_server_all},
    {LISTENER_REGISTRAR, "GET", "/api/v1/all-certificates.tsv", ACCESS_REGISTRAR, false, false, certificate_all},
    {LISTENER_REGISTRAR, "GET", "/api/v1/certificates/{}", ACCESS_REGISTRAR, false, false, certificate},
    {.handle = NULL},
};
