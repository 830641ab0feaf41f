/* registrar add|list|show|change|remove: 登録担当者, known by the TLS client certificate. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

#include "commands.h"
#include "ctl_text.h"
#include "store/register.h"

#define CERTIFICATE_BYTES_MAX 65536

static const char *const states[] = {"active", "removed", NULL};

const struct command_option registrar_add_options[] = {
    {"organisation", "ID|NAME", "for whom: number or English name", true},
    {"name", "TEXT", "for mails and pages", true},
    {"mail", "ADDRESS", "where notices go", true},
    {"certificate", "FILE", "the TLS client certificate, PEM", true},
    {0},
};
const struct command_option registrar_change_options[] = {
    {"name", "TEXT", "for mails and pages", false},
    {"mail", "ADDRESS", "where notices go", false},
    {"certificate", "FILE", "the new TLS client certificate, PEM; the old one is refused from now on", false},
    {"state", "active|removed", "removed is refused at once", false},
    {0},
};
const struct command_option registrar_list_options[] = {
    {"organisation", "ID|NAME", "only its registrars", false},
    {0},
};
const struct command_option registrar_show_options[] = {{0}};
const struct command_option registrar_remove_options[] = {{0}};

const struct statement *const registrar_add_statements[] = {&organisation_find_statement, &registrar_add_statement,
                                                            NULL};
const struct statement *const registrar_list_statements[] = {&organisation_find_statement, &registrar_list_statement,
                                                             NULL};
const struct statement *const registrar_show_statements[] = {&registrar_list_statement, NULL};
const struct statement *const registrar_change_statements[] = {&registrar_change_statement, NULL};
const struct statement *const registrar_remove_statements[] = {&registrar_change_statement, NULL};

/* SHA-256 over the bytes of the first certificate in the file, which are what its owner sends. */
static int read_fingerprint(const char *path, uint8_t ret[static SHA256_DIGEST_LENGTH]) {
    _cleanup_buf_ struct buf text = {0};
    int r = ctl_read_file(path, CERTIFICATE_BYTES_MAX, &text);
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(-r));
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    BIO *bio = BIO_new_mem_buf(text.data, (int) text.len);
    bool found = bio && PEM_bytes_read_bio(&der, &len, &name, PEM_STRING_X509, bio, NULL, NULL) == 1;
    const unsigned char *p = der;
    X509 *certificate = found ? d2i_X509(NULL, &p, len) : NULL;
    bool good = certificate && p == der + len;
    if (good)
        (void) SHA256(der, (size_t) len, ret);
    X509_free(certificate);
    OPENSSL_free(der);
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(bio);
    return good ? 0 : ctl_fail(CTL_FAILED, "%s: no certificate in PEM", path);
}

static int check_options(const struct ctl *c) {
    int r = ctl_check_text("name", ctl_option(c, "name"), 100);
    if (r == 0)
        r = ctl_check_mail("mail", ctl_option(c, "mail"));
    return r;
}

int registrar_add_run(struct ctl *c) {
    uint8_t fingerprint[SHA256_DIGEST_LENGTH];
    int64_t organisation = 0;
    int r = check_options(c);
    if (r == 0)
        r = read_fingerprint(ctl_option(c, "certificate"), fingerprint);
    if (r == 0)
        r = ctl_organisation(c, ctl_option(c, "organisation"), &organisation);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, organisation);
    db_add_text(&args, ctl_option(c, "name"));
    db_add_text(&args, ctl_option(c, "mail"));
    db_add_bytes(&args, fingerprint, sizeof(fingerprint));
    db_add_text(&args, c->by);
    return ctl_answer_one(c, &registrar_add_statement, &args, CTL_REFUSED,
                          "this certificate is entered already (inkanctl registrar list; change --state active)");
}

static void add_id(struct db_args *args, int64_t id) {
    if (id > 0)
        db_add_int64(args, id);
    else
        db_add_null(args);
}

int registrar_list_run(struct ctl *c) {
    int64_t organisation = 0;
    const char *text = ctl_option(c, "organisation");
    int r = text ? ctl_organisation(c, text, &organisation) : 0;
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    add_id(&args, organisation);
    add_id(&args, 0);
    return ctl_answer_list(c, &registrar_list_statement, &args);
}

int registrar_show_run(struct ctl *c) {
    int64_t id = 0;
    int r = ctl_id(ctl_argument(c, 0), &id);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    add_id(&args, 0);
    add_id(&args, id);
    return ctl_answer_one(c, &registrar_list_statement, &args, CTL_NOT_FOUND, "no registrar %lld", (long long) id);
}

static int change(struct ctl *c, const uint8_t *fingerprint, const char *state) {
    int64_t id = 0;
    int r = ctl_id(ctl_argument(c, 0), &id);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, id);
    db_add_text(&args, ctl_option(c, "name"));
    db_add_text(&args, ctl_option(c, "mail"));
    db_add_bytes(&args, fingerprint, SHA256_DIGEST_LENGTH);
    db_add_text(&args, state);
    db_add_text(&args, c->by);
    return ctl_answer_one(c, &registrar_change_statement, &args, CTL_NOT_FOUND, "no registrar %lld", (long long) id);
}

int registrar_change_run(struct ctl *c) {
    uint8_t fingerprint[SHA256_DIGEST_LENGTH];
    const char *path = ctl_option(c, "certificate");
    int r = check_options(c);
    if (r == 0)
        r = ctl_check_word("state", ctl_option(c, "state"), states);
    if (r == 0 && path)
        r = read_fingerprint(path, fingerprint);
    return r != 0 ? r : change(c, path ? fingerprint : NULL, ctl_option(c, "state"));
}

int registrar_remove_run(struct ctl *c) {
    return change(c, NULL, "removed");
}
