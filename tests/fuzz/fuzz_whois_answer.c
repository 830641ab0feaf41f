/* What a WHOIS server may send: what goes on to the database is text, without anything that moves a cursor. */
#include "base/text.h"
#include "fuzz.h"
#include "services/whois/answer.h"

static void hold(const char *text) {
    MUST(text_is_utf8(text, strlen(text)));
    for (const char *p = text; *p; p++)
        MUST((unsigned char) *p >= ' ' && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct answer a;
    answer_read(&a, "example.ac.jp", data, size);
    hold(a.registrant_ja);
    hold(a.registrant_en);
    hold(a.status);
    hold(a.referral);
    if (a.outcome == ANSWER_REFERRED)
        MUST(*a.referral);
    return 0;
}
