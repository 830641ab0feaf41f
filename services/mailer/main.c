/*
 * inkan-mailer: makes mails of notices and hands them to the SMTP relay (stage send), judges reminders (remind), lets
 * the head of the audit out of the house each day (head).
 *
 * Trusted with: the key of the mails' S/MIME signature and the key of the one-time links; it alone can make a link's token. It
 * sends only what is sealed in the audit. It cannot change an application or a certificate.
 *
 * Talks to: PostgreSQL as inkan_mailer, the SMTP relay. Hears hints from signer and ingress (send).
 */
#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "log.h"
#include "mailer.h"
#include "metrics.h"
#include "mime.h"
#include "store/audit_seal.h"
#include "store/measure.h"
#include "store/policy_store.h"
#include "store/remind.h"

#define EXPIRY_WARNING_USEC (7 * SEC_PER_DAY * USEC_PER_SEC)

static struct mailer mailer;
static struct smtp_options smtp_options;
static char *from, *from_name, *certificate, *key, *link_key, *starttls;

static const struct setting settings[] = {
    {"mailer", "smtp", SETTING_TEXT, NULL, 0, 300, &smtp_options.url, "the relay: smtp://host:port"},
    {"mailer", "starttls", SETTING_TEXT, "opportunistic", 0, 20, &starttls, "opportunistic or required"},
    {"mailer", "ca", SETTING_TEXT, "", 0, 1000, &smtp_options.ca,
     "PEM file that the relay's certificate is checked with; empty: the system's"},
    {"mailer", "connections", SETTING_INT, "4", 1, 32, &smtp_options.connections, "mails offered at a time"},
    {"mailer", "timeout", SETTING_DURATION, "60s", USEC_PER_SEC, 600 * USEC_PER_SEC, &smtp_options.timeout_usec,
     "for one mail"},
    {"mailer", "from", SETTING_TEXT, NULL, 0, 254, &from, "address in From and the envelope; that of the certificate"},
    {"mailer", "from_name", SETTING_TEXT, "電子証明書自動発行支援システム", 0, 200, &from_name, "name in From"},
    {"mailer", "certificate", SETTING_PATH, NULL, 0, 0, &certificate,
     "PEM: the certificate of the mails' signature, then its CAs"},
    {"mailer", "key", SETTING_TEXT, NULL, 0, 1000, &key, "its key: file:/path"},
    {"mailer", "link_key", SETTING_PATH, NULL, 0, 0, &link_key, "32 to 64 random bytes; all instances have the same"},
    {"mailer", "head_file", SETTING_PATH, "/var/lib/inkan/mailer/audit-heads", 0, 0, &mailer.head_file,
     "the audit's newest seal, a line a day; copy it elsewhere"},
    {"mailer", "head_to", SETTING_TEXT, "", 0, 1000, &mailer.head_to,
     "addresses separated by blanks that get it by mail; empty: none"},
    {"mailer", "retry_min", SETTING_DURATION, "30s", USEC_PER_SEC, SEC_PER_DAY *USEC_PER_SEC, &mailer.retry_min_usec,
     "first pause after a 4xx; doubles each time"},
    {"mailer", "retry_max", SETTING_DURATION, "1h", USEC_PER_SEC, SEC_PER_DAY *USEC_PER_SEC, &mailer.retry_max_usec,
     "longest pause"},
    {"mailer", "give_up", SETTING_DURATION, "5d", USEC_PER_SEC, 30 * SEC_PER_DAY *USEC_PER_SEC, &mailer.give_up_usec,
     "age at which a mail is given up"},
    {0},
};

static const struct statement *const statements[] = {
    &notice_load_statement,
    &notice_tokens_statement,
    &notice_record_statement,
    &notice_later_statement,
    &notice_move_statement,
    &policy_get_statement,
    &job_again_statement,
    &job_hold_statement,
    &mailer_jobs_statement,
    &seal_last_statement,
    &head_kept_statement,
    &remind_due_statement,
    NULL,
};

static const struct stage_work stages[] = {{STAGE_send, send_work, send_poison},
                                           {STAGE_remind, remind_work, NULL},
                                           {STAGE_head, head_work, NULL},
                                           {.work = NULL}};

static const struct timer timers[] = {{60 * USEC_PER_SEC, remind_fire}, {0}};

static int check_settings(void) {
    int r = 0;
    if (!mime_address(from)) {
        log_error("mailer.from: \"%s\" is no mail address", from);
        r = -EINVAL;
    }
    smtp_options.starttls_required = strcmp(starttls, "required") == 0;
    if (!smtp_options.starttls_required && strcmp(starttls, "opportunistic") != 0) {
        log_error("mailer.starttls: must be opportunistic or required (found \"%s\")", starttls);
        r = -EINVAL;
    }
    char list[1001], *at = list;
    (void) snprintf(list, sizeof(list), "%s", mailer.head_to);
    for (const char *to; (to = strtok_r(at, " ", &at)) != NULL;)
        if (!mime_address(to)) {
            log_error("mailer.head_to: \"%s\" is no mail address", to);
            r = -EINVAL;
        }
    int e = token_key_read(&mailer.link_key, link_key);
    if (e < 0) {
        log_error("mailer.link_key: %s: %s", link_key,
                  e == -EACCES   ? "must be a file that only this user can read"
                  : e == -EINVAL ? "must hold 32 to 64 bytes"
                                 : strerror(-e));
        r = -EINVAL;
    }
    return r;
}

static int init(struct context *c) {
    _cleanup_buf_ struct buf errors = {0};
    c->state = &mailer;
    int r = check_settings();
    if (r == 0 && cms_open(&mailer.cms, certificate, key, from, &errors) < 0) {
        log_error("%s", buf_string(&errors));
        r = -EINVAL;
    }
    if (r < 0)
        return r;
    mailer.composer = (struct composer){.cms = mailer.cms,
                                        .link_key = &mailer.link_key,
                                        .from_name = from_name,
                                        .from_address = from,
                                        .public_url = c->shared.public_url};
    smtp_options.from = from;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -ENOMEM;
    mailer.parallel = parallel_new(0);
    return mailer.parallel ? smtp_open(&mailer.smtp, &smtp_options) : -ENOMEM;
}

static void done(struct context *c) {
    (void) c;
    smtp_free(mailer.smtp);
    parallel_free(mailer.parallel);
    cms_free(mailer.cms);
    explicit_bzero(&mailer.link_key, sizeof(mailer.link_key));
    curl_global_cleanup();
}

static void readiness(struct context *c, struct buf *reasons) {
    (void) c;
    if (smtp_is_down(mailer.smtp))
        buf_printf(reasons, "smtp: %s cannot be reached\n", smtp_options.url);
    if (cms_expires_usec(mailer.cms) - clock_realtime_usec() < EXPIRY_WARNING_USEC)
        buf_text(reasons, "mailer.certificate ends within 7 days\n");
}

static void measure(struct context *c, struct db *db) {
    (void) c;
    _cleanup_rows_ struct db_rows *rows = NULL;
    metrics_set(METRIC_SMTP_UP, NULL, !smtp_is_down(mailer.smtp));
    metrics_set_time(METRIC_CERTIFICATE_END, "smime", cms_expires_usec(mailer.cms));
    if (db_run(db, &measure_mails_statement, NULL, &rows) > 0) {
        metrics_set(METRIC_MAILS_WAITING, NULL, (double) db_int64(rows, 0, 0));
        metrics_set(METRIC_MAIL_OLDEST, NULL, (double) db_int64(rows, 0, 1));
    }
}

static const struct statement *const measured[] = {&measure_mails_statement, NULL};

static const struct service service = {
    .name = "mailer",
    .summary = "sends the notices",
    .settings = settings,
    .statements = statements,
    .stages = stages,
    .timers = timers,
    .init = init,
    .done = done,
    .readiness = readiness,
    .measure = measure,
    .measured = measured,
};

int main(int argc, char **argv) {
    return service_run(&service, argc, argv);
}
