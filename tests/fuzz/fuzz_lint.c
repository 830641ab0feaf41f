/* To-be-signed bytes: the lint passes those that the builder makes, and no others. */
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "fuzz.h"
#include "services/signer/certificate.h"
#include "services/signer/lint.h"

/* Made once, with keys that are always the same, so that a corpus keeps its meaning. */
static const char issuer_hex[] =
#include "lint_issuer.inc"
    ;
static const char key_hex[] =
#include "lint_key.inc"
    ;
static const char policy_text[] =
    "[policy]\nname = test\n[validity]\n2026-03-04 = 198\n[subject]\nou = refuse\nlocality = true\nstate_or_province = "
    "true\n[match]\nkey = cn\n[profiles]\n3 = rsa:2048\n11 = ec:secp384r1\n[names]\nmax = 8\n[extensions]\n"
    "policies = 2.23.140.1.2.2\ncps = https://example.jp/cps\nclient_auth = false\nsubject_key_identifier = true\n"
    "[crl]\ndays = 7\nhours = 24\n[holder]\ncheck = true\n[delivery]\ndays = 30\nremind = 7\nlapsed = 1\n"
    "[renewal]\nremind = 14\nreason = 4\n[expiry]\ndays = 30 7\n";
static const char *const names[] = {"www.example.ac.jp", "xn--eckwd4c7c.example.jp"};

static struct policy policy;
static struct issuer issuer;
static struct profile profile;
static struct content content;
static struct buf ca, spki, tbs;

static void open_once(void) {
    if (tbs.len > 0)
        return;
    _cleanup_buf_ struct buf errors = {0}, key = {0};
    MUST(policy_parse(&policy, policy_text, strlen(policy_text), &errors) == 0);
    MUST(text_from_hex(issuer_hex, strlen(issuer_hex), &ca) == 0 && text_from_hex(key_hex, strlen(key_hex), &key) == 0);
    const unsigned char *p = (const unsigned char *) key.data;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long) key.len);
    MUST(pkey && issuer_load(&issuer, 7, (struct db_bytes){ca.data, ca.len}, 16, pkey) == 0);
    MUST(profile_make(&profile, &issuer, &policy, "http://pki.example.jp") == 0);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    MUST(len > 0);
    buf_add(&spki, der, (size_t) len);
    OPENSSL_free(der);
    content = (struct content){.serial = {0x00, 0x80, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0x12, 0x34},
                               .not_before_usec = INT64_C(1780000000000000),
                               .not_after_usec = INT64_C(1780000000000000) + (198 * INT64_C(86400) - 1) * 1000000,
                               .st = "Tokyo",
                               .l = "Chiyoda-ku",
                               .o = "testkikan",
                               .cn = names[0],
                               .names = names,
                               .names_count = 2,
                               .spki = {spki.data, spki.len}};
    MUST(certificate_build(&tbs, &profile, &content) == 0);
    const struct lint against = {&issuer, &policy, "http://pki.example.jp", &content};
    const char *finding = lint_tbs(tbs.data, tbs.len, &against);
    if (finding)
        (void) fprintf(stderr, "the builder's own: %s\n", finding);
    MUST(!finding);
    const char *write_to = getenv("FUZZ_LINT_SEED");
    FILE *file = write_to ? fopen(write_to, "we") : NULL;
    if (file) {
        (void) fwrite(tbs.data, 1, tbs.len, file);
        (void) fclose(file);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t from = 0, to = 0;
    open_once();
    const struct lint against = {&issuer, &policy, "http://pki.example.jp", &content};
    if (!lint_tbs(data, size, &against))
        MUST(size == tbs.len && memcmp(data, tbs.data, size) == 0);
    (void) lint_validity(data, size, &from, &to);
    return 0;
}
