#include "services/ingress/links/link_page.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/text.h"
#include "services/ingress/certificates/certificate_view.h"
#include "services/ingress/pages/page_parts.h"

#define TOKEN_BYTES 32
#define TOKEN_CHARS 43

bool link_token_hash(const char *token, uint8_t ret[static LINK_HASH_BYTES]) {
    _cleanup_(buf_wipe) struct buf bytes = {0};
    if (strlen(token) != TOKEN_CHARS || text_from_base64url(token, TOKEN_CHARS, &bytes) < 0 || bytes.len != TOKEN_BYTES)
        return false;
    (void) SHA256((const unsigned char *) bytes.data, bytes.len, ret);
    return true;
}

static const char *organisation(const struct request *r, const struct link_seen *seen) {
    return r->language == LANGUAGE_EN ? seen->organisation_en : seen->organisation_ja;
}

/* ---- a link that is no good: what happened, when, and whom to ask; nothing of the certificate */

static const struct {
    enum error error;
    enum text title;
} refusals[] = {
    [LINK_UNKNOWN] = {ERROR_LINK_UNKNOWN, TEXT_link_gone_title},
    [LINK_BUSY] = {ERROR_LINK_BUSY, TEXT_link_busy_title},
    [LINK_USED] = {ERROR_LINK_USED, TEXT_link_used_title},
    [LINK_EXPIRED] = {ERROR_LINK_EXPIRED, TEXT_link_expired_title},
    [LINK_SUPERSEDED] = {ERROR_LINK_SUPERSEDED, TEXT_link_superseded_title},
    [LINK_REVOKED] = {ERROR_LINK_REVOKED, TEXT_link_revoked_title},
};

static int send_refusal(const struct request *r, struct reply *p, enum link_status status,
                        const struct link_seen *seen) {
    enum error error = refusals[status].error;
    json_t *data = page_error_words(r, error, NULL);
    json_t *more =
        data ? json_pack("{s:s, s:b, s:b, s:b, s:s?, s:o, s:o}", "title", text_get(refusals[status].title, r->language),
                         "is_used", (int) (status == LINK_USED), "is_unknown", (int) (status == LINK_UNKNOWN),
                         "is_busy", (int) (status == LINK_BUSY), "organisation", seen ? organisation(r, seen) : NULL,
                         "used", page_time(status == LINK_USED ? seen->used_usec : 0), "expired",
                         page_time(status == LINK_EXPIRED ? seen->expires_usec : 0))
             : NULL;
    int result = more ? json_object_update_missing(data, more) : -1;
    json_decref(more);
    if (result == 0)
        return page_send(r, p, reply_error_status(error), "link_refused", data);
    json_decref(data);
    return -ENOMEM;
}

int link_page_refusal(struct thread *t, const struct request *r, struct reply *p,
                      const uint8_t hash[static LINK_HASH_BYTES], enum link_status status) {
    enum link_status now;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int result = link_look(t->db_public, hash, &now, &rows);
    if (result < 0)
        return result;
    /* What it was refused for counts, whatever has happened to it since. */
    struct link_seen seen = {0};
    if (now != LINK_UNKNOWN)
        seen = link_seen(rows);
    return send_refusal(r, p, now == LINK_UNKNOWN ? LINK_UNKNOWN : status, now == LINK_UNKNOWN ? NULL : &seen);
}

/* ---- a good link */

static const struct {
    enum certificate_form form;
    enum text title, hint;
} forms[] = {
    {CERTIFICATE_FORM_CHAIN, TEXT_link_chain, TEXT_link_chain_hint},
    {CERTIFICATE_FORM_PEM, TEXT_link_pem, TEXT_link_pem_hint},
    {CERTIFICATE_FORM_DER, TEXT_link_der, TEXT_link_der_hint},
    {CERTIFICATE_FORM_P7B, TEXT_link_p7b, TEXT_link_p7b_hint},
};

static json_t *form_list(const struct request *r, const char *cn) {
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        const struct certificate_form_of *form = &certificate_forms[forms[i].form];
        (void) json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:o}", "value", form->name, "title",
                                                     text_get(forms[i].title, r->language), "hint",
                                                     text_get(forms[i].hint, r->language), "main", (int) (i == 0),
                                                     "file", json_sprintf("%s%s", cn, form->suffix)));
    }
    return list;
}

/* All names but the first, which is the CN. */
static json_t *other_names(json_t *names, const char *cn) {
    json_t *list = json_array();
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name) {
        if (strcasecmp(json_string_value(name), cn) != 0)
            (void) json_array_append(list, name);
    }
    return list;
}

/* How to install it, for the names that its files have. Debian's directories; others' differ in the path alone. */
static json_t *install_hints(const char *cn, json_t *others) {
    static const char *const hints[][2] = {{"match", "install_match"},
                                           {"nginx", "install_nginx"},
                                           {"apache", "install_apache"},
                                           {"reload", "install_reload"},
                                           {"check", "install_check"}};
    json_t *install =
        json_pack("{s:s, s:o, s:o, s:O, s:b}", "cn", cn, "chain",
                  json_sprintf("/etc/ssl/certs/%s%s", cn, certificate_forms[CERTIFICATE_FORM_CHAIN].suffix), "key",
                  json_sprintf("/etc/ssl/private/%s.key", cn), "others", others, "has_others",
                  (int) (json_array_size(others) > 0));
    for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
        (void) json_object_set_new(install, hints[i][0], page_text(hints[i][1], install));
    return install;
}

static int send_certificate(const struct request *r, struct reply *p, const struct link_seen *seen) {
    json_t *data = certificate_view(seen->der);
    const char *cn = json_string_value(json_object_get(data, "cn"));
    json_t *more = NULL;
    if (cn) {
        json_auto_t *others = other_names(json_object_get(data, "names"), cn);
        more = json_pack("{s:s, s:o, s:s, s:o, s:o}", "title", text_get(TEXT_link_title, r->language), "expires",
                         page_time(seen->expires_usec), "organisation", organisation(r, seen), "forms",
                         form_list(r, cn), "install", install_hints(cn, others));
    }
    int result = more ? json_object_update_missing(data, more) : -1;
    json_decref(more);
    if (result == 0)
        return page_send(r, p, 200, "link", data);
    json_decref(data);
    return -EINVAL;
}

int link_page(struct thread *t, struct request *r, struct reply *p) {
    uint8_t hash[LINK_HASH_BYTES];
    enum link_status status = LINK_UNKNOWN;
    _cleanup_rows_ struct db_rows *rows = NULL;
    if (link_token_hash(r->segment[0], hash)) {
        int result = link_look(t->db_public, hash, &status, &rows);
        if (result < 0)
            return result;
    }
    if (status == LINK_UNKNOWN)
        return send_refusal(r, p, status, NULL);
    struct link_seen seen = link_seen(rows);
    if (status != LINK_OPEN && status != LINK_BUSY)
        return send_refusal(r, p, status, &seen);
    return send_certificate(r, p, &seen);
}
