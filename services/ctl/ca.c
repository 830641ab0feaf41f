/* ca init|list|activate|retire|renew: roots and issuing CAs. The issuing key's place is with the signer; the root's is a safe. */
#include <errno.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/text.h"
#include "ca_certificate.h"
#include "ca_files.h"
#include "ca_token.h"
#include "commands.h"
#include "ctl_text.h"
#include "store/operator.h"
#include "token.h"

#define DER_BYTES_MAX 8192
#define URL_BYTES_MAX 200

static const char *const directory_files[] = {"root.key.pem",  "root.pem",  "issuing.key.pem",
                                              "issuing.pem",   "chain.pem", "audit.key.pem",
                                              "audit.pub.pem", "root.cer",  "root.crl"};

const struct command_option ca_init_options[] = {
    {"directory", "DIR", "where the files go; none of them may be there", true},
    {"name", "TEXT", "of the issuing CA: its CN and its name in lists", true},
    {"organisation", "TEXT", "O of both certificates (default: the name)", false},
    {"country", "CC", "C of both certificates (default JP)", false},
    {"root-name", "TEXT", "CN of the root (default: NAME Root)", false},
    {"key", "KIND", "rsa:2048, rsa:3072 (default), rsa:4096, ec:P-256, ec:P-384, or pkcs11:… of a key in a token",
     false},
    {"root-key", "KIND", "a kind for the root, no token (default rsa:4096, or ec:P-384 where --key is EC)", false},
    {"years", "N", "of the issuing CA (default 10)", false},
    {"root-years", "N", "of the root (default 20)", false},
    {"shards", "N", "number of CRLs, fixed for the CA's life (default 16)", false},
    {"url", "URL", "http address where you will publish root.cer and root.crl", false},
    {0},
};
const struct command_option ca_renew_options[] = {
    {"directory", "DIR", "with root.key.pem, root.pem and issuing.pem", true},
    {"years", "N", "from today (default 10)", false},
    {0},
};
const struct command_option ca_list_options[] = {{0}};
const struct command_option ca_activate_options[] = {{0}};
const struct command_option ca_retire_options[] = {{0}};

const struct statement *const ca_init_statements[] = {&issuer_add_statement, &audit_key_add_statement, NULL};
const struct statement *const ca_list_statements[] = {&issuer_list_statement, NULL};
const struct statement *const ca_activate_statements[] = {&service_lock_statement, &issuer_rest_statement,
                                                          &issuer_activate_statement, NULL};
const struct statement *const ca_retire_statements[] = {&issuer_retire_statement, NULL};
const struct statement *const ca_renew_statements[] = {&issuer_list_statement, &issuer_renew_statement, NULL};

struct authority {
    struct ctl *c;
    EVP_PKEY *root_key, *issuing_key, *audit_key;
    bool in_token; /* issuing_key is the public half only */
    X509 *root, *issuing;
    X509_CRL *crl; /* NULL without --url */
    const char *name;
    int64_t shards;
    json_t *rows;
};

static void authority_done(struct authority *a) {
    EVP_PKEY_free(a->root_key);
    EVP_PKEY_free(a->issuing_key);
    EVP_PKEY_free(a->audit_key);
    X509_free(a->root);
    X509_free(a->issuing);
    X509_CRL_free(a->crl);
    json_decref(a->rows);
}

struct der {
    unsigned char data[DER_BYTES_MAX];
    size_t len;
    char sha256[2 * SHA256_DIGEST_LENGTH + 1];
};

static bool encode(X509 *x, struct der *ret) {
    unsigned char *p = ret->data, digest[SHA256_DIGEST_LENGTH];
    int len = i2d_X509(x, NULL);
    if (len <= 0 || len > DER_BYTES_MAX)
        return false;
    ret->len = (size_t) i2d_X509(x, &p);
    (void) SHA256(ret->data, ret->len, digest);
    _cleanup_buf_ struct buf hex = {0};
    text_hex(&hex, digest, sizeof(digest));
    (void) snprintf(ret->sha256, sizeof(ret->sha256), "%s", buf_string(&hex));
    return !hex.failed;
}

static int check_url(const char *url) {
    if (!url)
        return 0;
    bool good = strncmp(url, "http://", 7) == 0 && strlen(url) > 7 && strlen(url) <= URL_BYTES_MAX;
    for (const char *p = url; *p; p++)
        good &= *p > 0x20 && *p < 0x7f;
    return good ? 0 : ctl_fail(CTL_USAGE, "--url: an http address of at most %d characters", URL_BYTES_MAX);
}

static int make_key(const char *option, const char *spec, EVP_PKEY **ret) {
    int r = ca_key_new(spec, ret);
    if (r == -EINVAL)
        return ctl_fail(CTL_USAGE, "--%s: rsa:2048, rsa:3072, rsa:4096, ec:P-256 or ec:P-384", option);
    return r < 0 ? ctl_fail(CTL_FAILED, "OpenSSL makes no %s key", spec) : 0;
}

static int make_keys(struct authority *a) {
    const char *key = ctl_option(a->c, "key"), *root_key = ctl_option(a->c, "root-key");
    if (!key)
        key = "rsa:3072";
    if (strcmp(key, "ed25519") == 0 || (root_key && strcmp(root_key, "ed25519") == 0))
        return ctl_fail(CTL_USAGE, "ed25519 is for the audit's seals alone (BR 6.1.5)");
    a->in_token = token_is_uri(key);
    int r = a->in_token ? ca_token_key(key, &a->issuing_key) : make_key("key", key, &a->issuing_key);
    if (r == 0 && !root_key)
        root_key = EVP_PKEY_is_a(a->issuing_key, "EC") ? "ec:P-384" : "rsa:4096";
    if (r == 0)
        r = make_key("root-key", root_key, &a->root_key);
    return r != 0 ? r : make_key("audit-key", "ed25519", &a->audit_key);
}

static int make_certificates(struct authority *a) {
    struct ctl *c = a->c;
    const char *organisation = ctl_option(c, "organisation"), *country = ctl_option(c, "country");
    const char *root_name = ctl_option(c, "root-name"), *url = ctl_option(c, "url");
    char default_root_name[80];
    int64_t years = 0, root_years = 0;
    int r = ctl_number(c, "years", 1, 30, 10, &years);
    if (r == 0)
        r = ctl_number(c, "root-years", 1, 40, 20, &root_years);
    if (r != 0)
        return r;
    if (years > root_years)
        return ctl_fail(CTL_USAGE, "the issuing CA would outlive its root");
    (void) snprintf(default_root_name, sizeof(default_root_name), "%.58s Root", a->name);
    struct ca_subject subject = {.country = country ? country : "JP",
                                 .organisation = organisation ? organisation : a->name,
                                 .name = root_name ? root_name : default_root_name};
    a->root = ca_root_new(a->root_key, &subject, root_years);
    subject.name = a->name;
    if (a->root)
        a->issuing = ca_issuing_new(a->issuing_key, &subject, years, url, a->root, a->root_key);
    if (a->issuing && url)
        a->crl = ca_root_crl(a->root, a->root_key);
    return a->issuing && (!url || a->crl) ? 0 : ctl_fail(CTL_FAILED, "OpenSSL refuses these names");
}

static int write_files(struct authority *a, struct ca_files *f) {
    int r = ca_files_key(f, "root.key.pem", a->root_key);
    if (r == 0)
        r = ca_files_pem(f, "root.pem", a->root, NULL);
    if (r == 0 && !a->in_token)
        r = ca_files_key(f, "issuing.key.pem", a->issuing_key);
    if (r == 0)
        r = ca_files_pem(f, "issuing.pem", a->issuing, NULL);
    if (r == 0)
        r = ca_files_pem(f, "chain.pem", a->issuing, a->root);
    if (r == 0)
        r = ca_files_key(f, "audit.key.pem", a->audit_key);
    if (r == 0)
        r = ca_files_public_key(f, "audit.pub.pem", a->audit_key);
    if (r == 0 && a->crl)
        r = ca_files_der(f, "root.cer", a->root);
    if (r == 0 && a->crl)
        r = ca_files_crl(f, "root.crl", a->crl);
    if (r == 0)
        return 0;
    return ctl_fail(r == -EEXIST ? CTL_REFUSED : CTL_FAILED, "%s: cannot write: %s", f->directory, strerror(-r));
}

static int enter_audit_key(struct db *db, EVP_PKEY *key) {
    unsigned char public[32], id[SHA256_DIGEST_LENGTH];
    size_t len = sizeof(public);
    if (EVP_PKEY_get_raw_public_key(key, public, &len) != 1 || len != sizeof(public))
        return DB_FAILED;
    (void) SHA256(public, sizeof(public), id);
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, id, sizeof(id));
    db_add_bytes(&args, public, sizeof(public));
    return (int) db_run(db, &audit_key_add_statement, &args, NULL);
}

static int enter(struct db *db, void *ctx) {
    struct authority *a = ctx;
    struct der issuing, root;
    if (!encode(a->issuing, &issuing) || !encode(a->root, &root))
        return DB_FAILED;
    json_decref(a->rows);
    a->rows = NULL;
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, a->name);
    db_add_bytes(&args, issuing.data, issuing.len);
    db_add_bytes(&args, root.data, root.len);
    db_add_int32(&args, (int32_t) a->shards);
    db_add_text(&args, a->c->by);
    db_add_text(&args, issuing.sha256);
    int64_t n = ctl_query(a->c, &issuer_add_statement, &args, &a->rows);
    if (n <= 0)
        return (int) n;
    int r = enter_audit_key(db, a->audit_key);
    return r < 0 ? r : 1;
}

static int init(struct authority *a) {
    struct ctl *c = a->c;
    struct ca_files files;
    int r = ca_files_begin(&files, ctl_option(c, "directory"));
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", ctl_option(c, "directory"), strerror(-r));
    r = write_files(a, &files);
    if (r != 0) {
        ca_files_undo(&files);
        return r;
    }
    r = db_transaction(c->db, "issuer_add", 0, enter, a);
    if (r == DB_UNSURE) /* the files may be those of an entered CA: they stay */
        return ctl_database_failed(r);
    if (r <= 0) {
        ca_files_undo(&files);
        return r < 0 ? ctl_database_failed(r) : ctl_fail(CTL_REFUSED, "there is a CA named \"%s\"", a->name);
    }
    c->result = json_incref(json_array_get(a->rows, 0));
    json_t *list = json_array();
    for (unsigned i = 0; i < files.count; i++)
        (void) json_array_append_new(list, json_string(files.written[i]));
    (void) json_object_set_new(c->result, "directory", json_string(files.directory));
    (void) json_object_set_new(c->result, "files", list);
    return CTL_OK;
}

/* Before any key is made, which takes seconds. */
static int check_directory(const char *directory) {
    for (size_t i = 0; i < ARRAY_SIZE(directory_files); i++) {
        char path[4096];
        (void) snprintf(path, sizeof(path), "%s/%s", directory, directory_files[i]);
        if (access(path, F_OK) == 0)
            return ctl_fail(CTL_REFUSED, "%s is there already; nothing is overwritten", path);
    }
    return 0;
}

int ca_init_run(struct ctl *c) {
    struct authority a = {.c = c, .name = ctl_option(c, "name")};
    int r = ctl_check_text("name", a.name, 64);
    if (r == 0)
        r = check_url(ctl_option(c, "url"));
    if (r == 0)
        r = ctl_number(c, "shards", 1, 4096, 16, &a.shards);
    if (r == 0)
        r = check_directory(ctl_option(c, "directory"));
    if (r == 0)
        r = make_keys(&a);
    if (r == 0)
        r = make_certificates(&a);
    if (r == 0)
        r = init(&a);
    authority_done(&a);
    return r;
}

static json_t *describe(const struct db_rows *rows, size_t i) {
    struct db_bytes der = db_bytes(rows, i, 4);
    const unsigned char *p = der.data;
    _cleanup_(X509_freep) X509 *x = d2i_X509(NULL, &p, (long) der.len);
    if (!x)
        return NULL;
    struct tm tm = {0};
    char until[32] = "", subject[256] = "";
    struct der own;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
        (void) strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm);
    (void) X509_NAME_oneline(X509_get_subject_name(x), subject, sizeof(subject));
    return json_pack("{s:I, s:s, s:b, s:I, s:s, s:s, s:s}", "id", (json_int_t) db_int64(rows, i, 0), "name",
                     db_text(rows, i, 1), "active", (int) db_bool(rows, i, 2), "shards",
                     (json_int_t) db_int64(rows, i, 3), "not_after", until, "subject", subject, "sha256",
                     encode(x, &own) ? own.sha256 : "");
}

int ca_list_run(struct ctl *c) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = db_run(c->db, &issuer_list_statement, NULL, &rows);
    if (n < 0)
        return ctl_database_failed(n);
    c->result = json_array();
    for (size_t i = 0; i < db_rows_count(rows); i++)
        (void) json_array_append_new(c->result, describe(rows, i));
    return CTL_OK;
}

struct activation {
    struct ctl *c;
    int64_t id;
    json_t *rows;
};

static int activate(struct db *db, void *ctx) {
    struct activation *a = ctx;
    json_decref(a->rows);
    a->rows = NULL;
    _cleanup_args_ struct db_args rest = {0}, args = {0};
    db_add_int64(&rest, a->id);
    int64_t n = db_run(db, &issuer_rest_statement, &rest, NULL);
    if (n < 0)
        return (int) n;
    db_add_int64(&args, a->id);
    db_add_text(&args, a->c->by);
    n = ctl_query(a->c, &issuer_activate_statement, &args, &a->rows);
    return n > 0 ? 0 : n < 0 ? (int) n : -ENOENT; /* no such CA: the one that rests is woken again */
}

int ca_activate_run(struct ctl *c) {
    struct activation a = {.c = c};
    int r = ctl_id(ctl_argument(c, 0), &a.id);
    if (r != 0)
        return r;
    r = db_transaction(c->db, "issuer_activate", 0, activate, &a);
    if (r == 0)
        c->result = json_incref(json_array_get(a.rows, 0));
    json_decref(a.rows);
    if (r == -ENOENT)
        return ctl_fail(CTL_NOT_FOUND, "no CA %lld", (long long) a.id);
    return r < 0 ? ctl_database_failed(r) : CTL_OK;
}

int ca_retire_run(struct ctl *c) {
    int64_t id = 0;
    int r = ctl_id(ctl_argument(c, 0), &id);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, id);
    db_add_text(&args, c->by);
    return ctl_answer_one(c, &issuer_retire_statement, &args, CTL_REFUSED,
                          "CA %lld signs today, has certificates that are valid, or is none", (long long) id);
}

/* ---- renew */

struct renewal {
    struct ctl *c;
    const char *directory;
    int64_t id;
    EVP_PKEY *root_key;
    X509 *root, *old, *new;
};

static int read_directory(struct renewal *w) {
    int r = ca_files_read_key(w->directory, "root.key.pem", &w->root_key);
    if (r == 0)
        r = ca_files_read_pem(w->directory, "root.pem", &w->root);
    if (r == 0)
        r = ca_files_read_pem(w->directory, "issuing.pem", &w->old);
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: root.key.pem, root.pem and issuing.pem: %s", w->directory, strerror(-r));
    if (X509_check_private_key(w->root, w->root_key) != 1 || X509_verify(w->old, w->root_key) != 1)
        return ctl_fail(CTL_REFUSED, "%s: the key, the root and the issuing CA do not belong together", w->directory);
    return 0;
}

static int check_entered(const struct renewal *w) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    struct der old;
    int64_t n = db_run(w->c->db, &issuer_list_statement, NULL, &rows);
    if (n < 0)
        return ctl_database_failed(n);
    for (size_t i = 0; i < db_rows_count(rows); i++) {
        struct db_bytes entered = db_bytes(rows, i, 4);
        if (db_int64(rows, i, 0) != w->id)
            continue;
        if (encode(w->old, &old) && entered.len == old.len && memcmp(entered.data, old.data, old.len) == 0)
            return 0;
        return ctl_fail(CTL_REFUSED, "%s/issuing.pem is not the certificate of CA %lld", w->directory,
                        (long long) w->id);
    }
    return ctl_fail(CTL_NOT_FOUND, "no CA %lld", (long long) w->id);
}

static int record_renewal(const struct renewal *w) {
    struct der new;
    if (!encode(w->new, &new))
        return ctl_fail(CTL_FAILED, "OpenSSL cannot write the certificate");
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, w->id);
    db_add_bytes(&args, new.data, new.len);
    db_add_text(&args, w->c->by);
    db_add_text(&args, new.sha256);
    return ctl_answer_one(w->c, &issuer_renew_statement, &args, CTL_NOT_FOUND, "no CA %lld", (long long) w->id);
}

/* The new files first, beside the old ones; then the database; then they change places. */
static int renew(struct renewal *w) {
    char kept[80], kept_chain[80];
    struct ca_files files;
    struct der old;
    int r = ca_files_begin(&files, w->directory);
    if (r == 0)
        r = ca_files_pem(&files, "issuing.pem.new", w->new, NULL);
    if (r == 0)
        r = ca_files_pem(&files, "chain.pem.new", w->new, w->root);
    if (r < 0) {
        ca_files_undo(&files);
        return ctl_fail(CTL_FAILED, "%s: cannot write: %s", w->directory, strerror(-r));
    }
    r = record_renewal(w);
    if (r != 0) {
        ca_files_undo(&files);
        return r;
    }
    (void) encode(w->old, &old);
    (void) snprintf(kept, sizeof(kept), "issuing-%.16s.pem", old.sha256);
    (void) snprintf(kept_chain, sizeof(kept_chain), "chain-%.16s.pem", old.sha256);
    r = ca_files_replace(w->directory, "issuing.pem", kept, "issuing.pem.new");
    if (r == 0)
        r = ca_files_replace(w->directory, "chain.pem", kept_chain, "chain.pem.new");
    return r < 0 ? ctl_fail(CTL_FAILED, "%s: the new certificate is in force; put issuing.pem.new in place: %s",
                            w->directory, strerror(-r))
                 : CTL_OK;
}

int ca_renew_run(struct ctl *c) {
    struct renewal w = {.c = c, .directory = ctl_option(c, "directory")};
    int64_t years = 0;
    int r = ctl_id(ctl_argument(c, 0), &w.id);
    if (r == 0)
        r = ctl_number(c, "years", 1, 30, 10, &years);
    if (r == 0)
        r = read_directory(&w);
    if (r == 0)
        r = check_entered(&w);
    if (r == 0) {
        w.new = ca_issuing_renew(w.old, years, w.root_key);
        if (!w.new)
            r = ctl_fail(CTL_FAILED, "OpenSSL does not sign it");
        else if (ASN1_TIME_compare(X509_get0_notAfter(w.new), X509_get0_notAfter(w.root)) > 0)
            r = ctl_fail(CTL_REFUSED, "the issuing CA would outlive its root: fewer --years");
        else
            r = renew(&w);
    }
    EVP_PKEY_free(w.root_key);
    X509_free(w.root);
    X509_free(w.old);
    X509_free(w.new);
    return r;
}
