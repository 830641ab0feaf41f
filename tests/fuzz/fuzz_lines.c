/* The lines of a file: in order, within the file, without their ends. */
#include "fuzz.h"
#include "services/ingress/uploads/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *copy = malloc(size + !size);
    MUST(copy);
    if (size > 0)
        memcpy(copy, data, size);
    struct lines lines = {.at = copy, .end = copy + size};
    const char *last = copy;
    int seq = 0;
    for (struct line line; lines_next(&lines, &line);) {
        MUST(line.seq > seq && line.bytes >= last && line.bytes + line.len <= copy + size && line.len > 0);
        MUST(!memchr(line.bytes, '\n', line.len));
        last = line.bytes + line.len;
        seq = line.seq;
    }
    free(copy);
    return 0;
}
