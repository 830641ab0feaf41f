/* Keys as operators name them: by the SHA-256 of the SubjectPublicKeyInfo. Each returns 0 or, having said why, an exit code. */
#pragma once

#include <stdint.h>

#define SPKI_HASH_BYTES 32

/* 64 hexadecimal digits; option is for the message. */
int spki_from_hex(const char *option, const char *text, uint8_t ret[static SPKI_HASH_BYTES]);
/* Of the PEM of a public key or of a certificate in a file. */
int spki_from_file(const char *path, uint8_t ret[static SPKI_HASH_BYTES]);
