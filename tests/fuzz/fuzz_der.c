/* The strict reader of DER: what it takes apart, put together again gives the same bytes; dotted OIDs. */
#include <openssl/objects.h>

#include "der.h"
#include "fuzz.h"

#define DEPTH_MAX 20

static void walk(struct der from, struct buf *to, int depth) {
    while (!from.failed && from.left > 0) {
        struct der before = from, whole = der_get_any(&from);
        if (from.failed)
            return;
        unsigned tag = der_peek(&before);
        struct der content = der_get(&before, tag);
        MUST(!content.failed && before.left == from.left && whole.left >= content.left + 2);
        if (tag & 0x20 && depth < DEPTH_MAX)
            walk(content, to, depth + 1);
        der_put(to, tag, content.at, content.left);
        MUST(!to->failed && to->len >= whole.left &&
             memcmp(to->data + to->len - whole.left, whole.at, whole.left) == 0);
        buf_reset(to);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_buf_ struct buf again = {0}, oid = {0};
    walk(der_of(data, size), &again, 0);
    char *text = fuzz_text(data, size);
    der_put_oid(&oid, text);
    if (!oid.failed) {
        ASN1_OBJECT *object = OBJ_txt2obj(text, 1);
        const unsigned char *p = (const unsigned char *) oid.data;
        ASN1_OBJECT *read = d2i_ASN1_OBJECT(NULL, &p, (long) oid.len);
        MUST(object && read && OBJ_cmp(object, read) == 0);
        ASN1_OBJECT_free(object);
        ASN1_OBJECT_free(read);
    }
    free(text);
    return 0;
}
