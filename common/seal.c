#include "seal.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

static const char seal_magic[13] = {'i', 'n', 'k', 'a', 'n', '-', 's', 'e', 'a', 'l', '-', 'v', '1'};

static uint8_t *put64(uint8_t *at, uint64_t v) {
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t) (v >> (56 - 8 * i));
    return at + 8;
}

void seal_encode(const struct seal *seal, uint8_t ret_bytes[static SEAL_BYTES]) {
    memcpy(ret_bytes, seal_magic, sizeof(seal_magic));
    uint8_t *at = put64(ret_bytes + sizeof(seal_magic), (uint64_t) seal->number);
    at = put64(at, seal->xid_from);
    at = put64(at, seal->xid_to);
    at = put64(at, (uint64_t) seal->events);
    memcpy(at, seal->digest, SEAL_HASH_BYTES);
    memcpy(at + SEAL_HASH_BYTES, seal->previous, SEAL_HASH_BYTES);
}

void seal_hash(const struct seal *seal, uint8_t ret_hash[static SEAL_HASH_BYTES]) {
    uint8_t bytes[SEAL_BYTES];
    seal_encode(seal, bytes);
    (void) SHA256(bytes, sizeof(bytes), ret_hash);
}

int seal_sign(const struct seal *seal, EVP_PKEY *key, uint8_t ret_signature[static SEAL_SIGNATURE_BYTES]) {
    uint8_t bytes[SEAL_BYTES];
    size_t len = SEAL_SIGNATURE_BYTES;
    seal_encode(seal, bytes);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_PKEY_is_a(key, "ED25519") && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(ctx, ret_signature, &len, bytes, sizeof(bytes)) == 1 && len == SEAL_SIGNATURE_BYTES;
    EVP_MD_CTX_free(ctx);
    return good ? 0 : -EIO;
}

bool seal_verify(const struct seal *seal, EVP_PKEY *key, const void *signature, size_t len) {
    uint8_t bytes[SEAL_BYTES];
    seal_encode(seal, bytes);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && len == SEAL_SIGNATURE_BYTES && EVP_PKEY_is_a(key, "ED25519") &&
                EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(ctx, signature, len, bytes, sizeof(bytes)) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}
