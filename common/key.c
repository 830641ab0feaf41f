#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

struct key_source {
    EVP_PKEY *key;
};

int key_file_open(const char *path, FILE **ret) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO))) {
        (void) close(fd);
        return -EACCES;
    }
    *ret = fdopen(fd, "r");
    if (!*ret) {
        (void) close(fd);
        return -ENOMEM;
    }
    return 0;
}

static int read_file(const char *path, EVP_PKEY **ret) {
    FILE *file = NULL;
    int r = key_file_open(path, &file);
    if (r < 0)
        return r;
    *ret = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    (void) fclose(file);
    return *ret ? 0 : -EINVAL;
}

int key_source_open(struct key_source **ret, const char *uri) {
    if (strncmp(uri, "file:", 5) != 0)
        return -EINVAL;
    struct key_source *source = calloc(1, sizeof(*source));
    if (!source)
        return -ENOMEM;
    int r = read_file(uri + 5, &source->key);
    if (r < 0) {
        key_source_free(source);
        return r;
    }
    *ret = source;
    return 0;
}

void key_source_free(struct key_source *source) {
    if (!source)
        return;
    EVP_PKEY_free(source->key);
    free(source);
}

EVP_PKEY *key_source_key(struct key_source *source) {
    return source->key;
}
