#include "compose.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "campaign_tsv.h"
#include "mime.h"
#include "proto/reasons.h"
#include "revocation_tsv.h"
#include "template.h"

static const struct mail_kind {
    const char *kind;
    bool carries_link;
    const char *subject, *text;
} mails[] = {
#define MAIL(kind, carries_link, subject, text) {#kind, carries_link, subject, text},
#include "mails.def"
#undef MAIL
};

static const struct mail_kind *kind_named(const char *kind) {
    for (size_t k = 0; k < ARRAY_SIZE(mails); k++)
        if (strcmp(mails[k].kind, kind) == 0)
            return &mails[k];
    return NULL;
}

static const struct mail_kind *kind_of(const struct db_rows *rows, size_t i) {
    return kind_named(db_text(rows, i, NOTICE_KIND));
}

bool compose_carries_link(const struct db_rows *rows, size_t i) {
    const struct mail_kind *kind = kind_of(rows, i);
    return kind && kind->carries_link && !db_is_null(rows, i, NOTICE_LINK);
}

static json_t *values(const struct composer *c, const struct db_rows *rows, size_t i) {
    char not_before[CLOCK_TEXT_MAX], not_after[CLOCK_TEXT_MAX], expires[CLOCK_TEXT_MAX], expires_en[CLOCK_TEXT_MAX];
    _cleanup_buf_ struct buf serial = {0}, url = {0}, old = {0};
    struct db_bytes number = db_bytes(rows, i, NOTICE_SERIAL), old_number = db_bytes(rows, i, NOTICE_OLD_SERIAL);
    int64_t expires_usec = db_time(rows, i, NOTICE_LINK_EXPIRES);
    text_serial(&serial, number.data, number.len);
    text_serial(&old, old_number.data, old_number.len);
    if (compose_carries_link(rows, i)) {
        uint8_t token[TOKEN_BYTES];
        token_make(c->link_key, db_int64(rows, i, NOTICE_LINK), (int32_t) db_int64(rows, i, NOTICE_GENERATION), token);
        buf_printf(&url, "%s/d/", c->public_url);
        text_base64url(&url, token, sizeof(token));
    }
    if (serial.failed || old.failed || url.failed)
        return NULL;
    const struct reason *reason =
        db_is_null(rows, i, NOTICE_REASON) ? NULL : reason_of((int) db_int64(rows, i, NOTICE_REASON));
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I}",
        "greeting", db_text(rows, i, NOTICE_GREETING), "cn", db_text(rows, i, NOTICE_CN), "ous",
        db_text(rows, i, NOTICE_OUS), "o", db_text(rows, i, NOTICE_O), "l", db_text(rows, i, NOTICE_L), "st",
        db_text(rows, i, NOTICE_ST), "serial", buf_string(&serial), "not_before",
        clock_jst(db_time(rows, i, NOTICE_NOT_BEFORE), not_before), "not_after",
        clock_jst(db_time(rows, i, NOTICE_NOT_AFTER), not_after), "expires", clock_jst_date(expires_usec, expires),
        "expires_en", clock_jst(expires_usec, expires_en), "url", buf_string(&url), "sent_to",
        db_text(rows, i, NOTICE_SENT_TO), "reason", reason ? reason->ja : "", "reason_en", reason ? reason->en : "",
        "comment", db_text(rows, i, NOTICE_COMMENT), "old_serial", buf_string(&old), "attached",
        (int) !db_is_null(rows, i, NOTICE_ATTACHED), "campaign", (json_int_t) db_int64(rows, i, NOTICE_CAMPAIGN),
        "count", (json_int_t) db_int64(rows, i, NOTICE_COUNT));
}

/* 0, with nothing put when the mail carries none. */
static int put_attachment(const struct db_rows *rows, size_t i, struct buf *name, struct buf *content) {
    if (!db_is_null(rows, i, NOTICE_COUNT)) {
        buf_printf(name, "campaign-%lld.tsv", (long long) db_int64(rows, i, NOTICE_CAMPAIGN));
        return name->failed ? -ENOMEM : campaign_tsv_put(content, rows, i);
    }
    if (db_is_null(rows, i, NOTICE_ATTACHED))
        return 0;
    _cleanup_buf_ struct buf serial = {0};
    struct db_bytes number = db_bytes(rows, i, NOTICE_OLD_SERIAL);
    text_serial(&serial, number.data, number.len);
    const struct revocation_tsv tsv = {.dn = db_text(rows, i, NOTICE_OLD_DN),
                                       .cn = db_text(rows, i, NOTICE_OLD_CN),
                                       .serial = buf_string(&serial),
                                       .reason = (int) db_int64(rows, i, NOTICE_ATTACHED)};
    revocation_tsv_name(name, &tsv);
    int r = revocation_tsv_put(content, &tsv);
    return r < 0 ? r : name->failed || serial.failed ? -ENOMEM : 0;
}

static int sign_mail(const struct composer *composer, const struct mail *mail, struct buf *ret_mail) {
    _cleanup_buf_ struct buf content = {0}, signature = {0};
    mime_put_content(&content, mail);
    if (content.failed)
        return -ENOMEM;
    int r = cms_sign(composer->cms, &content, mail->dated_usec, &signature);
    if (r < 0)
        return r;
    mime_put_mail(ret_mail, mail, &content, signature.data, signature.len);
    return ret_mail->failed ? -ENOMEM : 0;
}

int compose(const struct composer *composer, const struct db_rows *rows, size_t i, struct buf *ret_mail) {
    const struct mail_kind *kind = kind_of(rows, i);
    if (!kind || !mime_address(db_text(rows, i, NOTICE_RECIPIENT)))
        return -EINVAL;
    if (compose_carries_link(rows, i) && !db_bool(rows, i, NOTICE_LINK_OPEN))
        return -ESTALE;
    _cleanup_buf_ struct buf text = {0}, id = {0}, file_name = {0}, file = {0};
    json_t *data = values(composer, rows, i);
    int r = data ? template_render(&text, kind->text, data, TEMPLATE_NONE, NULL, NULL) : -ENOMEM;
    json_decref(data);
    if (r == 0)
        r = put_attachment(rows, i, &file_name, &file);
    if (r < 0)
        return r;
    buf_printf(&id, "%s@%s", db_text(rows, i, NOTICE_MESSAGE_ID), strchr(composer->from_address, '@') + 1);
    if (id.failed)
        return -ENOMEM;
    struct mail mail = {.from_name = composer->from_name,
                        .from_address = composer->from_address,
                        .to_address = db_text(rows, i, NOTICE_RECIPIENT),
                        .subject = kind->subject,
                        .message_id = buf_string(&id),
                        .dated_usec = db_time(rows, i, NOTICE_DATED),
                        .text = buf_string(&text),
                        .attachment = {file_name.len > 0 ? buf_string(&file_name) : NULL, file.data, file.len}};
    return sign_mail(composer, &mail, ret_mail);
}

int compose_head(const struct composer *composer, const struct head *head, const char *to, struct buf *ret_mail) {
    char when[CLOCK_TEXT_MAX];
    _cleanup_buf_ struct buf text = {0}, id = {0};
    const struct mail_kind *kind = kind_named("head");
    json_t *data = json_pack("{s:s, s:s}", "head", head->text, "when", clock_jst(head->kept_usec, when));
    int r = data && kind ? template_render(&text, kind->text, data, TEMPLATE_NONE, NULL, NULL) : -ENOMEM;
    json_decref(data);
    if (r < 0)
        return r;
    buf_printf(&id, "audit-head-%lld@%s", (long long) head->number, strchr(composer->from_address, '@') + 1);
    if (id.failed)
        return -ENOMEM;
    const struct mail mail = {.from_name = composer->from_name,
                              .from_address = composer->from_address,
                              .to_address = to,
                              .subject = kind->subject,
                              .message_id = buf_string(&id),
                              .dated_usec = head->kept_usec,
                              .text = buf_string(&text)};
    return sign_mail(composer, &mail, ret_mail);
}
