/* Certification requests of the tests: sound ones, and keys of every kind that nobody may use. Every failure ends the test. */
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <stdbool.h>

enum key {
    RSA2048,
    RSA2048_B,
    RSA1024,
    RSA4096,
    RSA_E3,
    RSA_E_LARGE,
    P384,
    P256,
    ED25519,
    SMALL_FACTOR,
    ROCA,
    FERMAT,
    EVEN,
    DEBIAN,
    DEBIAN_B,
    SQUARE,
    CUBE,
    POWER,
    KEYS
};

/* Below 752 (BR 6.1.6). */
bool has_small_factor(const BIGNUM *n);

/* Hexadecimal moduli of Debian's broken generator. */
extern const char requests_debian[], requests_debian_b[];

/* Made when it is first asked for; owned by the module. */
EVP_PKEY *requests_key(enum key kind);
void requests_done(void);

struct request {
    enum key key;
    const char *subject; /* "C=JP|ST=…"; "+" before a name puts it into the RDN before */
    const EVP_MD *(*digest)(void);
    bool broken_signature;
    bool version_2;
    const char *tail; /* after the DER */
    int string;       /* type of all values; 0: as OpenSSL chooses. "~" stands for NUL */
};

/* Base64 of the DER, as in a row; owned by the caller. */
char *request_text(const struct request *r);
