#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sys/stat.h>

int token_key_read(struct token_key *ret, const char *path) {
    struct stat st;
    _cleanup_close_
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)))
        return -EACCES;
    if (st.st_size < TOKEN_BYTES || st.st_size > (off_t) sizeof(ret->bytes))
        return -EINVAL;
    ssize_t n = read(fd, ret->bytes, sizeof(ret->bytes));
    if (n != st.st_size)
        return -EIO;
    ret->len = (size_t) n;
    return 0;
}

void token_make(const struct token_key *key, int64_t link, int32_t generation, uint8_t ret[static TOKEN_BYTES]) {
    uint8_t input[12];
    unsigned len = TOKEN_BYTES;
    for (int i = 0; i < 8; i++)
        input[i] = (uint8_t) ((uint64_t) link >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        input[8 + i] = (uint8_t) ((uint32_t) generation >> (24 - 8 * i));
    (void) HMAC(EVP_sha256(), key->bytes, (int) key->len, input, sizeof(input), ret, &len);
}

void token_hash(const uint8_t token[static TOKEN_BYTES], uint8_t ret[static TOKEN_BYTES]) {
    (void) SHA256(token, TOKEN_BYTES, ret);
}
