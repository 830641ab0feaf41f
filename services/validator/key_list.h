/*
 * Keys of Debian's broken generator (CVE-2008-0166; BR 6.1.1.3(5)(1)), told as openssl-blacklist tells them: by the last ten
 * bytes of SHA-1 over "Modulus=<hexadecimal, upper case>\n".
 */
#pragma once

#include <openssl/bn.h>
#include <stdbool.h>

#include "base/buf.h"

/*
 * Reads the list, in the place of one read before: 20 hexadecimal digits a line, in any order; # begins a comment. 0; -EINVAL
 * for a file that cannot be read, has another line or no entry (errors says which); -ENOMEM.
 */
int key_list_open(const char *path, struct buf *errors);
void key_list_done(void);
size_t key_list_count(void);

/* Callable from any thread once the list is open. 1, 0, or -ENOMEM. */
int key_list_has(const BIGNUM *modulus);
