/*
 * Private keys behind one interface: a URI says where a key lives.
 *
 *   file:/path/key.pem      PKCS#8 PEM, readable by this user only
 *   pkcs11:token=…;object=… RFC 7512, by libp11 (not yet: -ENOTSUP)
 *
 * The EVP_PKEY returned may be a handle into a token: callers use it with EVP_DigestSign* only.
 */
#pragma once

#include <openssl/evp.h>

struct key_source;

/* 0; -EACCES when others can read the file; -ENOTSUP; -ENOENT; -EINVAL. The caller owns *ret. */
int key_source_open(struct key_source **ret, const char *uri);
void key_source_free(struct key_source *source);
EVP_PKEY *key_source_key(struct key_source *source); /* owned by the source; NULL while a token is away */
