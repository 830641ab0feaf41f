/*
 * Makes the input of a benchmark: N rows of a server-issue file with distinct names and RSA-2048 keys.
 *
 *   bench_rows N PREFIX FILE.tsv FILE.csrs [DOMAIN]    DOMAIN: of one of the two organisations below
 *
 * Making 10,000 RSA keys would take ten minutes; M primes give M(M-1)/2 distinct moduli, each a sound RSA-2048 key by itself
 * (their common factors matter to nobody here). FILE.csrs holds the CSRs, each its length in 4 bytes big endian and its DER:
 * the input of bench_floor, the same keys and bytes.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "parallel.h"

#define PRIME_BITS 1024
#define RSA_EXPONENT 65537
#define PRIMES_MAX 512

/* Of deploy/demo/register.toml. */
static const struct organisation {
    const char *domain, *st, *l, *o;
} organisations[] = {{"example.ac.jp", "Tokyo", "Chiyoda-ku", "testkikan"},
                     {"other.ac.jp", "Osaka", "Suita", "Other University"}};

struct input {
    const char *prefix;
    const struct organisation *of;
    BIGNUM *prime[PRIMES_MAX];
    size_t primes;
    struct {
        size_t p, q;
    } * pair;
    struct buf *csr;
};

static void make_prime(void *ctx, size_t i) {
    struct input *in = ctx;
    BIGNUM *gcd = BN_new(), *less = BN_new(), *e = BN_new();
    BN_CTX *bn = BN_CTX_new();
    in->prime[i] = BN_new();
    BN_set_word(e, RSA_EXPONENT);
    /* Two top bits set: the product then has exactly 2048 bits. e must be prime to p - 1. */
    do {
        BN_generate_prime_ex(in->prime[i], PRIME_BITS, 0, NULL, NULL, NULL);
        BN_set_bit(in->prime[i], PRIME_BITS - 2);
        while (!BN_check_prime(in->prime[i], bn, NULL))
            BN_add_word(in->prime[i], 2);
        BN_copy(less, in->prime[i]);
        BN_sub_word(less, 1);
        BN_gcd(gcd, less, e, bn);
    } while (!BN_is_one(gcd));
    BN_free(gcd);
    BN_free(less);
    BN_free(e);
    BN_CTX_free(bn);
}

static EVP_PKEY *make_key(const BIGNUM *p, const BIGNUM *q) {
    BN_CTX *bn = BN_CTX_new();
    BIGNUM *n = BN_new(), *e = BN_new(), *d = BN_new(), *p1 = BN_dup(p), *q1 = BN_dup(q), *phi = BN_new(),
           *dp = BN_new(), *dq = BN_new(), *qi = BN_new();
    BN_set_word(e, RSA_EXPONENT);
    BN_mul(n, p, q, bn);
    BN_sub_word(p1, 1);
    BN_sub_word(q1, 1);
    BN_mul(phi, p1, q1, bn);
    BN_mod_inverse(d, e, phi, bn);
    BN_mod(dp, d, p1, bn);
    BN_mod(dq, d, q1, bn);
    BN_mod_inverse(qi, q, p, bn);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR1, p);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR2, q);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT1, dp);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT2, dq);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qi);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    if (EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BIGNUM *const all[] = {n, e, d, p1, q1, phi, dp, dq, qi};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        BN_free(all[i]);
    BN_CTX_free(bn);
    return key;
}

static void make_csr(void *ctx, size_t i) {
    struct input *in = ctx;
    char cn[80];
    (void) snprintf(cn, sizeof(cn), "%s%zu.%s", in->prefix, i, in->of->domain);
    const struct {
        const char *type, *value;
    } subject[] = {{"C", "JP"}, {"ST", in->of->st}, {"L", in->of->l}, {"O", in->of->o}, {"CN", cn}};
    EVP_PKEY *key = make_key(in->prime[in->pair[i].p], in->prime[in->pair[i].q]);
    X509_REQ *req = X509_REQ_new();
    for (size_t k = 0; k < ARRAY_SIZE(subject); k++)
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), subject[k].type, MBSTRING_UTF8,
                                   (const unsigned char *) subject[k].value, -1, -1, 0);
    unsigned char *der = NULL;
    int len = 0;
    if (key && X509_REQ_set_pubkey(req, key) && X509_REQ_sign(req, key, EVP_sha256()) > 0)
        len = i2d_X509_REQ(req, &der);
    if (len > 0)
        buf_add(&in->csr[i], der, (size_t) len);
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
}

static int write_files(const struct input *in, size_t n, const char *tsv_path, const char *csrs_path) {
    FILE *tsv = fopen(tsv_path, "we"), *csrs = fopen(csrs_path, "we");
    if (!tsv || !csrs)
        return -1;
    for (size_t i = 0; i < n; i++) {
        _cleanup_buf_ struct buf base64 = {0};
        if (in->csr[i].len == 0)
            return -1;
        text_base64(&base64, in->csr[i].data, in->csr[i].len);
        /* 国立　太郎 and 情報基盤センター in Shift_JIS. */
        (void) fprintf(tsv,
                       "CN=%s%zu.%s,O=%s,L=%s,ST=%s,C=JP\t3\t\t\t\t\t%s\t"
                       "\x8d\x91\x97\xa7\x81\x40\x91\xbe\x98\x59\t\x8f\xee\x95\xf1\x8a\xee\x94\xd5\x83\x5a\x83\x93\x83"
                       "\x5e\x81\x5b\t"
                       "kanri%zu@%s\t%s%zu.%s\tApache 2.4\t\r\n",
                       in->prefix, i, in->of->domain, in->of->o, in->of->l, in->of->st, buf_string(&base64), i,
                       in->of->domain, in->prefix, i, in->of->domain);
        uint8_t head[4] = {(uint8_t) (in->csr[i].len >> 24), (uint8_t) (in->csr[i].len >> 16),
                           (uint8_t) (in->csr[i].len >> 8), (uint8_t) in->csr[i].len};
        (void) fwrite(head, 1, sizeof(head), csrs);
        (void) fwrite(in->csr[i].data, 1, in->csr[i].len, csrs);
    }
    return fclose(tsv) == 0 && fclose(csrs) == 0 ? 0 : -1;
}

static const struct organisation *organisation_of(const char *domain) {
    for (size_t i = 0; i < ARRAY_SIZE(organisations); i++)
        if (strcmp(organisations[i].domain, domain) == 0)
            return &organisations[i];
    return NULL;
}

int main(int argc, char **argv) {
    int64_t n = 0;
    const struct organisation *of = organisation_of(argc == 6 ? argv[5] : organisations[0].domain);
    if (argc < 5 || argc > 6 || !of || text_to_int64(argv[1], 1, 100000, &n) < 0) {
        (void) fprintf(stderr, "usage: bench_rows N PREFIX FILE.tsv FILE.csrs [DOMAIN]\n");
        return 2;
    }
    struct input in = {.prefix = argv[2], .of = of, .primes = 2};
    while (in.primes * (in.primes - 1) / 2 < (size_t) n)
        in.primes++;
    in.pair = calloc((size_t) n, sizeof(*in.pair));
    in.csr = calloc((size_t) n, sizeof(*in.csr));
    struct parallel *threads = parallel_new(0);
    if (!in.pair || !in.csr || !threads || in.primes > PRIMES_MAX)
        return 1;
    size_t i = 0;
    for (size_t p = 0; p < in.primes; p++)
        for (size_t q = p + 1; q < in.primes && i < (size_t) n; q++, i++) {
            in.pair[i].p = p;
            in.pair[i].q = q;
        }
    parallel_for(threads, in.primes, make_prime, &in);
    parallel_for(threads, (size_t) n, make_csr, &in);
    int r = write_files(&in, (size_t) n, argv[3], argv[4]);
    parallel_free(threads);
    return r < 0;
}
