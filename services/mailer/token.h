/*
 * The tokens of one-time links: HMAC-SHA-256(link key, link id ‖ generation). The key is here alone; the database holds the
 * token's hash. A mail can so be made again, identically, and nobody else can make a link.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define TOKEN_BYTES 32

struct token_key {
    uint8_t bytes[64];
    size_t len;
};

/* Reads the key: 32 to 64 bytes, a file that only this user can read. 0, -EACCES, -EINVAL, -errno. */
int token_key_read(struct token_key *ret, const char *path);
void token_make(const struct token_key *key, int64_t link, int32_t generation, uint8_t ret[static TOKEN_BYTES]);
void token_hash(const uint8_t token[static TOKEN_BYTES],
                uint8_t ret[static TOKEN_BYTES]); /* SHA-256, table link.token_hash */
