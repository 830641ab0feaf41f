/*
 * Seals over the audit (table audit_seal): the bytes that are signed, and their hash that the next seal names.
 *
 *   "inkan-seal-v1" ‖ number ‖ xid_from ‖ xid_to ‖ events (8 bytes each, big endian) ‖ digest (32) ‖ previous (32)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

#define SEAL_HASH_BYTES 32
#define SEAL_SIGNATURE_BYTES 64 /* Ed25519, RFC 8032 */
#define SEAL_BYTES (13 + 4 * 8 + 2 * SEAL_HASH_BYTES)

struct seal {
    int64_t number;            /* from 1, without gaps */
    uint64_t xid_from, xid_to; /* transactions covered: from up to, not including, to */
    int64_t events;
    uint8_t digest[SEAL_HASH_BYTES];
    uint8_t previous[SEAL_HASH_BYTES]; /* hash of the seal before; zeros for the first */
};

void seal_encode(const struct seal *seal, uint8_t ret_bytes[static SEAL_BYTES]);
void seal_hash(const struct seal *seal, uint8_t ret_hash[static SEAL_HASH_BYTES]); /* SHA-256 of the signed bytes */
/* 0, or -EIO when the key is no Ed25519 private key. */
int seal_sign(const struct seal *seal, EVP_PKEY *key, uint8_t ret_signature[static SEAL_SIGNATURE_BYTES]);
bool seal_verify(const struct seal *seal, EVP_PKEY *key, const void *signature, size_t len);
