#include "ca_files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 4096

static int join(const char *directory, const char *name, char path[static PATH_BYTES]) {
    return snprintf(path, PATH_BYTES, "%s/%s", directory, name) < PATH_BYTES ? 0 : -ENAMETOOLONG;
}

int ca_files_begin(struct ca_files *f, const char *directory) {
    *f = (struct ca_files){.directory = directory};
    return mkdir(directory, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int write_whole(int fd, const char *data, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            len -= (size_t) n;
        }
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int write_new(struct ca_files *f, const char *name, mode_t mode, BIO *content) {
    char path[PATH_BYTES], *data = NULL;
    if (f->count == CA_FILES_MAX)
        return -E2BIG;
    int r = join(f->directory, name, path);
    if (r < 0)
        return r;
    _cleanup_close_
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return -errno;
    f->written[f->count++] = name;
    long len = BIO_get_mem_data(content, &data);
    return len > 0 ? write_whole(fd, data, (size_t) len) : -EIO;
}

int ca_files_key(struct ca_files *f, const char *name, EVP_PKEY *key) {
    BIO *bio = BIO_new(BIO_s_secmem());
    int r = bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1
                ? write_new(f, name, 0600, bio)
                : -EIO;
    BIO_free(bio);
    return r;
}

int ca_files_public_key(struct ca_files *f, const char *name, EVP_PKEY *key) {
    BIO *bio = BIO_new(BIO_s_mem());
    int r = bio && PEM_write_bio_PUBKEY(bio, key) == 1 ? write_new(f, name, 0644, bio) : -EIO;
    BIO_free(bio);
    return r;
}

int ca_files_pem(struct ca_files *f, const char *name, X509 *first, X509 *second) {
    BIO *bio = BIO_new(BIO_s_mem());
    int r = bio && PEM_write_bio_X509(bio, first) == 1 && (!second || PEM_write_bio_X509(bio, second) == 1)
                ? write_new(f, name, 0644, bio)
                : -EIO;
    BIO_free(bio);
    return r;
}

int ca_files_der(struct ca_files *f, const char *name, X509 *certificate) {
    BIO *bio = BIO_new(BIO_s_mem());
    int r = bio && i2d_X509_bio(bio, certificate) == 1 ? write_new(f, name, 0644, bio) : -EIO;
    BIO_free(bio);
    return r;
}

int ca_files_crl(struct ca_files *f, const char *name, X509_CRL *crl) {
    BIO *bio = BIO_new(BIO_s_mem());
    int r = bio && i2d_X509_CRL_bio(bio, crl) == 1 ? write_new(f, name, 0644, bio) : -EIO;
    BIO_free(bio);
    return r;
}

void ca_files_undo(struct ca_files *f) {
    char path[PATH_BYTES];
    while (f->count > 0)
        if (join(f->directory, f->written[--f->count], path) == 0)
            (void) unlink(path);
}

static FILE *open_file(const char *directory, const char *name) {
    char path[PATH_BYTES];
    int r = join(directory, name, path);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    return fopen(path, "re");
}

int ca_files_read_key(const char *directory, const char *name, EVP_PKEY **ret) {
    FILE *file = open_file(directory, name);
    if (!file)
        return -errno;
    *ret = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    (void) fclose(file);
    return *ret ? 0 : -EINVAL;
}

int ca_files_read_pem(const char *directory, const char *name, X509 **ret) {
    FILE *file = open_file(directory, name);
    if (!file)
        return -errno;
    *ret = PEM_read_X509(file, NULL, NULL, NULL);
    (void) fclose(file);
    return *ret ? 0 : -EINVAL;
}

int ca_files_replace(const char *directory, const char *name, const char *keep_as, const char *by) {
    char old[PATH_BYTES], kept[PATH_BYTES], new[PATH_BYTES];
    int r = join(directory, name, old);
    if (r == 0)
        r = join(directory, keep_as, kept);
    if (r == 0)
        r = join(directory, by, new);
    if (r < 0)
        return r;
    return link(old, kept) < 0 || rename(new, old) < 0 ? -errno : 0;
}
