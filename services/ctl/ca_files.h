/*
 * The files of a CA directory. Private keys are unencrypted PKCS#8 PEM that their owner alone can read; nothing is ever
 * overwritten.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/cleanup.h"

#define CA_FILES_MAX 12

struct ca_files {
    const char *directory;
    const char *written[CA_FILES_MAX];
    unsigned count;
};

/* Makes the directory (0700) unless it is there. 0 or -errno. */
int ca_files_begin(struct ca_files *f, const char *directory);
/* Each writes a new file: 0, -EEXIST, -errno. name must outlive f. */
int ca_files_key(struct ca_files *f, const char *name, EVP_PKEY *key);
int ca_files_public_key(struct ca_files *f, const char *name, EVP_PKEY *key);
int ca_files_pem(struct ca_files *f, const char *name, X509 *first, X509 *second); /* second may be NULL */
int ca_files_der(struct ca_files *f, const char *name, X509 *certificate);
int ca_files_crl(struct ca_files *f, const char *name, X509_CRL *crl);
/* Takes back what was written. */
void ca_files_undo(struct ca_files *f);

int ca_files_read_key(const char *directory, const char *name, EVP_PKEY **ret); /* 0, -errno, -EINVAL */
int ca_files_read_pem(const char *directory, const char *name, X509 **ret);
/* old → its new name, then the new one in its place. 0 or -errno. */
int ca_files_replace(const char *directory, const char *name, const char *keep_as, const char *by);
