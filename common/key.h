/*
 * Private keys in files, named by a URI: file:/path/key.pem, PKCS#8 PEM, readable by this user only. Keys in a token: token.h.
 */
#pragma once

#include <openssl/evp.h>
#include <stdio.h>

struct key_source;

/* 0; -EACCES when others can read the file; -ENOENT; -EINVAL: no file: URI, no key. The caller owns *ret. */
int key_source_open(struct key_source **ret, const char *uri);
void key_source_free(struct key_source *source);
EVP_PKEY *key_source_key(struct key_source *source); /* owned by the source */
/* A secret's file, for reading. 0; -EACCES when others can read it; or -errno. The caller closes *ret. */
int key_file_open(const char *path, FILE **ret);
