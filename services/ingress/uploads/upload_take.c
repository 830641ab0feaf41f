/* Taking an upload in: what is wrong with the file as a whole is found here, the rows are stored as they came. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "log.h"
#include "proto/tsv.h"
#include "services/ingress/uploads/lines.h"
#include "services/ingress/uploads/upload.h"
#include "store/upload.h"

#define IDEMPOTENCY_KEY_MAX 200
#define CHUNK_THREADS 2 /* what a chunk's size reckons with; validators take their cores */
#define WINDOW_BYTES ((size_t) 4 << 20)

static const char *parameter(const struct request *r, const char *name, const char *fallback) {
    const char *value = request_parameter(r, name);
    return value && *value ? value : fallback;
}

static int refuse(struct upload_refusal *to, const char *name, const char *value, const char *allowed) {
    *to = (struct upload_refusal){ERROR_BAD_PARAMETER, {name, value, allowed}, 3};
    return 1;
}

static int read_flag(const struct request *r, const char *name, bool *ret, struct upload_refusal *refusal) {
    const char *value = parameter(r, name, "false");
    *ret = strcmp(value, "true") == 0;
    return *ret || strcmp(value, "false") == 0 ? 0 : refuse(refusal, name, value, "true, false");
}

static bool is_key(const char *key) {
    size_t len = strlen(key);
    for (size_t i = 0; i < len; i++)
        if (key[i] <= ' ' || key[i] >= 0x7f)
            return false;
    return len >= 1 && len <= IDEMPOTENCY_KEY_MAX;
}

int upload_read(const struct request *r, struct upload_wanted *ret, struct upload_refusal *ret_refusal) {
    const char *mode = parameter(r, "on_error", "abort");
    *ret = (struct upload_wanted){.kind = parameter(r, "kind", ""), .filename = r->file_name};
    if (!tsv_format(ret->kind))
        return refuse(ret_refusal, "kind", ret->kind, tsv_kinds);
    ret->skip = strcmp(mode, "skip") == 0;
    if (!ret->skip && strcmp(mode, "abort") != 0)
        return refuse(ret_refusal, "on_error", mode, "abort, skip");
    if (read_flag(r, "dry_run", &ret->dry_run, ret_refusal) != 0 ||
        read_flag(r, "confirmed", &ret->confirmed, ret_refusal) != 0)
        return 1;
    if (!ret->confirmed && !ret->dry_run) {
        *ret_refusal = (struct upload_refusal){.error = ERROR_NOT_CONFIRMED};
        return 1;
    }
    ret->idempotency_key = request_header(r, "Idempotency-Key");
    if (ret->idempotency_key && !is_key(ret->idempotency_key))
        return refuse(ret_refusal, "Idempotency-Key", "", "1-200 ASCII");
    return 0;
}

/* ---- the file */

struct taking {
    const struct request *request;
    const struct upload_wanted *wanted;
    const char *file; /* mapped; NULL when empty */
    int rows, rows_max, chunks, chunk_max;
    int32_t *from, *to; /* lines of each chunk */
    struct lines lines; /* of the COPY */
    struct upload_new upload;
    int64_t id, job;
    bool again; /* an upload with the same key is there */
};

static bool has_extension(const char *name) {
    size_t len = strlen(name);
    return len > 4 && (strcasecmp(name + len - 4, ".tsv") == 0 || strcasecmp(name + len - 4, ".txt") == 0);
}

/* NULL without memory. */
static char *file_errors(const struct taking *t) {
    json_t *list = json_array();
    if (t->request->file_fd < 0 || !*t->wanted->filename)
        (void) json_array_append_new(list, error_json(ERROR_NO_FILE, 0, NULL, 0));
    else if (!has_extension(t->wanted->filename))
        (void) json_array_append_new(list, error_json(ERROR_FILE_EXTENSION, 0, NULL, 0));
    else if (t->rows == 0)
        (void) json_array_append_new(list, error_json(ERROR_EMPTY_FILE, 0, NULL, 0));
    else if (t->rows > t->rows_max) {
        char found[16], most[16];
        (void) snprintf(found, sizeof(found), "%d", t->rows);
        (void) snprintf(most, sizeof(most), "%d", t->rows_max);
        (void) json_array_append_new(list, error_json(ERROR_TOO_MANY_ROWS, 0, (const char *const[]){found, most}, 2));
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

static struct lines all_lines(const struct taking *t) {
    return (struct lines){.at = t->file, .end = t->file ? t->file + t->request->file_bytes : NULL};
}

/* The next line of the file. The pages behind it are given back, so that a large file stands in the page cache and not in our memory;
 * those of a line that begins there come again when it is read. */
static bool next_line(const struct taking *t, struct lines *lines, struct line *ret) {
    size_t from = (size_t) (lines->at - t->file) / WINDOW_BYTES;
    bool found = lines_next(lines, ret);
    size_t to = (size_t) (lines->at - t->file) / WINDOW_BYTES;
    if (to > from)
        (void) madvise((char *) (uintptr_t) t->file + from * WINDOW_BYTES, (to - from) * WINDOW_BYTES, MADV_DONTNEED);
    return found;
}

/* Counts the rows and cuts them into chunks by their line numbers. */
static int plan(struct taking *t) {
    struct line line;
    struct lines lines = all_lines(t);
    while (next_line(t, &lines, &line))
        t->rows++;
    if (t->rows > t->rows_max)
        return 0;
    int size = job_chunk_lines(t->rows, CHUNK_THREADS, t->chunk_max), n = (t->rows + size - 1) / size;
    t->from = calloc((size_t) n + 1, sizeof(*t->from));
    t->to = calloc((size_t) n + 1, sizeof(*t->to));
    if (!t->from || !t->to)
        return -ENOMEM;
    lines = all_lines(t);
    for (int i = 0; next_line(t, &lines, &line); i++) {
        t->chunks = i / size + 1;
        if (i % size == 0)
            t->from[i / size] = line.seq;
        t->to[i / size] = line.seq;
    }
    return 0;
}

static int add_line(void *ctx, struct db_args *row) {
    struct taking *t = ctx;
    struct line line;
    if (!next_line(t, &t->lines, &line))
        return 0;
    db_add_int64(row, t->id);
    db_add_int32(row, line.seq);
    db_add_bytes(row, line.bytes, line.len);
    return 1;
}

static int store(struct db *db, void *ctx) {
    struct taking *t = ctx;
    bool checking = false;
    t->again = false;
    t->job = 0;
    int r = t->upload.idempotency_key ? upload_forget(db, t->upload.organisation, t->upload.idempotency_key) : 0;
    if (r >= 0)
        r = upload_insert(db, &t->upload, &t->id, &checking);
    if (r < 0)
        return r;
    if (r == 0) {
        bool same = false;
        t->again = true;
        r = upload_same(db, &t->upload, &t->id, &same);
        return r < 0 ? r : r == 0 ? DB_RETRY : same ? 0 : -EEXIST;
    }
    if (!checking)
        return 0;
    t->lines = all_lines(t);
    int64_t n = db_copy(db, "COPY upload_line (upload, seq, line) FROM STDIN (FORMAT binary)", add_line, t);
    if (n >= 0)
        n = upload_jobs(db, t->id, t->upload.organisation, t->from, t->to, (size_t) t->chunks, &t->job);
    return n < 0 ? (int) n : 0;
}

static int take(struct thread *thread, struct taking *t) {
    int r = plan(t);
    _cleanup_free_
    char *errors = r == 0 ? file_errors(t) : NULL;
    if (r < 0 || !errors)
        return -ENOMEM;
    const struct request *request = t->request;
    bool rejected = strcmp(errors, "[]") != 0;
    static const uint8_t sha256_of_nothing[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                                  0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                                  0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
    t->upload = (struct upload_new){.organisation = request->registrar.organisation,
                                    .registrar = request->registrar.id,
                                    .kind = t->wanted->kind,
                                    .on_error = t->wanted->skip ? "skip" : "abort",
                                    .dry_run = t->wanted->dry_run,
                                    .confirmed = t->wanted->confirmed,
                                    .filename = t->wanted->filename,
                                    .sha256 = request->file_fd < 0 ? sha256_of_nothing : request->file_sha256,
                                    .idempotency_key = t->wanted->idempotency_key,
                                    .errors = errors,
                                    .rows_total = t->rows,
                                    .chunks = rejected ? 0 : t->chunks};
    return db_transaction(thread->db, "upload", request->registrar.organisation, store, t);
}

int upload_take(struct thread *thread, const struct request *r, const struct upload_wanted *wanted, int64_t *ret_id) {
    const struct shared_settings *shared = &thread->context->shared;
    struct taking t = {.request = r,
                       .wanted = wanted,
                       .rows_max = (int) shared->upload_rows_max,
                       .chunk_max = (int) shared->chunk_max};
    void *map = NULL;
    if (r->file_fd >= 0 && r->file_bytes > 0) {
        map = mmap(NULL, (size_t) r->file_bytes, PROT_READ, MAP_PRIVATE, r->file_fd, 0);
        if (map == MAP_FAILED)
            return -errno;
        t.file = map;
    }
    int result = take(thread, &t);
    if (map)
        (void) munmap(map, (size_t) r->file_bytes);
    free(t.from);
    free(t.to);
    if (result < 0)
        return result;
    *ret_id = t.id;
    if (t.again)
        return 0;
    for (int i = 0; i < t.chunks && t.job > 0 && i < 8; i++)
        bus_hint(thread->context->bus, STAGE_check, t.job);
    log_info("upload %lld: %d rows of organisation %lld taken in", (long long) t.id, t.rows,
             (long long) r->registrar.organisation);
    return 1;
}
