/* Addresses and headers of mails: whatever the text, a header stays one header. */
#include "fuzz.h"
#include "name.h"
#include "proto/tsv.h"
#include "services/mailer/mime.h"

/* CR and LF only as CRLF with a blank behind it; printable ASCII otherwise; lines as RFC 5322 2.1.1 has them. */
static void hold_header(const char *p) {
    size_t line = 0;
    for (; *p; p++, line++) {
        if (*p == '\r') {
            MUST(p[1] == '\n' && p[2] == ' ');
            p++;
            line = 0;
        } else {
            MUST(*p >= ' ' && *p < 0x7f && line < 998);
        }
    }
}

/* No line of the whole mail but the headers we wrote begins like one. */
static void hold_mail(const char *text, const char *address) {
    const struct mail mail = {.from_name = text,
                              .from_address = "ca@example.jp",
                              .to_address = address,
                              .subject = text,
                              .message_id = "id.1@example.jp",
                              .dated_usec = 1,
                              .text = text};
    _cleanup_buf_ struct buf content = {0}, whole = {0};
    mime_put_content(&content, &mail);
    mime_put_mail(&whole, &mail, &content, "x", 1);
    char *head = strdup(buf_string(&whole)), *rest = head;
    MUST(head && strstr(head, "\r\n\r\n"));
    *strstr(head, "\r\n\r\n") = '\0';
    static const char *const ours[] = {"From: ",           "To: ",           "Subject: ",      "Date: ", "Message-ID: ",
                                       "Auto-Submitted: ", "MIME-Version: ", "Content-Type: ", " "};
    for (char *line; (line = strsep(&rest, "\n"));) {
        bool known = false;
        for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
            known = known || strncmp(line, ours[i], strlen(ours[i])) == 0;
        MUST(known);
    }
    free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size), reason[NAME_REASON_MAX];
    _cleanup_buf_ struct buf words = {0};
    mime_put_words(&words, text);
    hold_header(buf_string(&words));
    /* What a row or a page may give is what a mail can be sent to. */
    if (tsv_is_manager_mail(text) || name_is_mail(text))
        MUST(mime_address(text) || strlen(text) > 254);
    if (tsv_is_manager_mail(text))
        MUST(name_is_mail(text));
    if (mime_address(text))
        MUST(!strpbrk(text, "\r\n<> \t,;\"") && strlen(text) <= 254);
    hold_mail(text, mime_address(text) ? text : "a@b");
    if (name_is_host(text, reason)) {
        MUST(strlen(text) <= NAME_MAX_BYTES && strchr(text, '.'));
        for (const char *p = text; *p; p++)
            MUST(strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", *p));
        MUST(name_open() == 0);
        (void) name_is_public(text, reason);
    }
    free(text);
    return 0;
}
