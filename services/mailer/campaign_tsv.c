#include "campaign_tsv.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define SERIAL_HEX 32

/* line: the serial in hexadecimal, then what follows it. */
static int put_line(struct buf *to, const char *line) {
    _cleanup_buf_ struct buf serial = {0};
    if (strlen(line) < SERIAL_HEX)
        return -EINVAL;
    int r = text_from_hex(line, SERIAL_HEX, &serial);
    if (r < 0)
        return r;
    text_serial(to, (const uint8_t *) serial.data, serial.len);
    r = text_put_cp932(to, line + SERIAL_HEX);
    buf_text(to, "\r\n");
    return r;
}

int campaign_tsv_put(struct buf *to, const struct db_rows *rows, size_t i) {
    size_t n = 0;
    _cleanup_free_
    const char **lines = db_text_array(rows, i, NOTICE_REVOKED, &n);
    int r = lines ? 0 : -ENOMEM;
    for (size_t k = 0; r == 0 && k < n; k++)
        r = put_line(to, lines[k]);
    return r < 0 ? r : to->failed ? -ENOMEM : 0;
}
