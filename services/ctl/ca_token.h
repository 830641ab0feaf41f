/* The issuing CA's key when it lives in a PKCS#11 token, where somebody has made it. */
#pragma once

#include <openssl/evp.h>

/* The public half of the key of a pkcs11: URI, after the private half has proved that it signs. An enum ctl_code; *ret is the caller's. */
int ca_token_key(const char *uri, EVP_PKEY **ret);
