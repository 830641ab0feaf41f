/*
 * The cryptographic floor: what every certificate costs whoever issues it. For each CSR: decode it, verify its
 * signature, sign 1,000 bytes once with a loaded key. Nothing else; one process a core.
 *
 *   bench_floor FILE.csrs ISSUING-KEY.pem       prints seconds and CSRs per second
 */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "csrs.h"

#define TBS_BYTES 1000

static bool one(const struct csrs *c, size_t i, EVP_PKEY *key) {
    static const uint8_t tbs[TBS_BYTES];
    const unsigned char *p = (const unsigned char *) c->bytes.data + c->offset[i];
    X509_REQ *req = d2i_X509_REQ(NULL, &p, (long) c->len[i]);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t len = sizeof(signature);
    bool good = req && X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) == 1 &&
                EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(ctx, signature, &len, tbs, sizeof(tbs)) == 1;
    EVP_MD_CTX_free(ctx);
    X509_REQ_free(req);
    return good;
}

int main(int argc, char **argv) {
    struct csrs csrs = {0};
    FILE *file = argc == 3 ? fopen(argv[2], "re") : NULL;
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (!key || csrs_read(&csrs, argv[1]) < 0) {
        (void) fprintf(stderr, "usage: bench_floor FILE.csrs ISSUING-KEY.pem\n");
        return 2;
    }
    cpu_set_t set;
    (void) sched_getaffinity(0, sizeof(set), &set);
    size_t cores = (size_t) CPU_COUNT(&set);
    int64_t begin = clock_monotonic_usec();
    for (size_t core = 0; core < cores; core++) {
        if (fork() != 0)
            continue;
        for (size_t i = core; i < csrs.n; i += cores)
            if (!one(&csrs, i, key))
                _exit(1);
        _exit(0);
    }
    int status = 0, bad = 0;
    while (wait(&status) > 0)
        bad |= status;
    double seconds = (double) (clock_monotonic_usec() - begin) / USEC_PER_SEC;
    (void) printf("%.3f %.1f\n", seconds, (double) csrs.n / seconds);
    return bad != 0;
}
