#include "smtp.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define CONNECTIONS_MAX 32
#define POLL_MSEC 200

struct transfer {
    CURL *curl;
    struct curl_slist *to;
    struct smtp_mail *mail; /* NULL: idle */
    size_t at;              /* bytes handed over */
    char error[CURL_ERROR_SIZE];
};

struct smtp {
    const struct smtp_options *options;
    CURLM *multi;
    struct transfer transfer[CONNECTIONS_MAX];
    size_t transfers;
    atomic_bool down;
    bool abandoned; /* what is under way ends now */
};

static size_t read_bytes(char *to, size_t size, size_t n, void *ctx) {
    struct transfer *t = ctx;
    size_t left = t->mail->bytes->len - t->at, take = size * n < left ? size * n : left;
    memcpy(to, t->mail->bytes->data + t->at, take);
    t->at += take;
    return take;
}

/* libcurl hands each line of the server here; the last one is the reply that people see, the answer to QUIT apart. */
static size_t take_reply(char *line, size_t size, size_t n, void *ctx) {
    struct transfer *t = ctx;
    if (!t->mail || (size * n > 3 && strncmp(line, "221", 3) == 0))
        return size * n;
    size_t len = size * n < sizeof(t->mail->reply) - 1 ? size * n : sizeof(t->mail->reply) - 1;
    for (size_t i = 0; i < len; i++)
        t->mail->reply[i] = line[i] >= ' ' && line[i] < 0x7f ? line[i] : ' ';
    while (len > 0 && t->mail->reply[len - 1] == ' ')
        len--;
    t->mail->reply[len] = '\0';
    return size * n;
}

static int go_on(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up) {
    (void) down_total;
    (void) down;
    (void) up_total;
    (void) up;
    const struct smtp *smtp = ctx;
    return smtp->abandoned;
}

static bool prepare(struct smtp *smtp, struct transfer *t) {
    const struct smtp_options *o = smtp->options;
    t->curl = curl_easy_init();
    if (!t->curl)
        return false;
    bool good = true;
#define SET(option, value) good &= curl_easy_setopt(t->curl, option, value) == CURLE_OK
    SET(CURLOPT_URL, o->url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_MAIL_FROM, o->from);
    SET(CURLOPT_USE_SSL, o->starttls_required ? (long) CURLUSESSL_ALL : (long) CURLUSESSL_TRY);
    if (*o->ca)
        SET(CURLOPT_CAINFO, o->ca);
    SET(CURLOPT_TIMEOUT_MS, (long) (o->timeout_usec / USEC_PER_MSEC));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long) (o->timeout_usec / USEC_PER_MSEC));
    SET(CURLOPT_READFUNCTION, read_bytes);
    SET(CURLOPT_READDATA, t);
    SET(CURLOPT_HEADERFUNCTION, take_reply);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, go_on);
    SET(CURLOPT_XFERINFODATA, smtp);
    SET(CURLOPT_ERRORBUFFER, t->error);
    SET(CURLOPT_PRIVATE, t);
#undef SET
    return good;
}

int smtp_open(struct smtp **ret, const struct smtp_options *options) {
    struct smtp *smtp = calloc(1, sizeof(*smtp));
    if (!smtp)
        return -ENOMEM;
    smtp->options = options;
    smtp->multi = curl_multi_init();
    bool good = smtp->multi != NULL;
    while (good && smtp->transfers < (size_t) options->connections && smtp->transfers < CONNECTIONS_MAX)
        good = prepare(smtp, &smtp->transfer[smtp->transfers++]);
    if (!good) {
        smtp_free(smtp);
        return -ENOMEM;
    }
    *ret = smtp;
    return 0;
}

void smtp_free(struct smtp *smtp) {
    if (!smtp)
        return;
    for (size_t i = 0; i < smtp->transfers; i++) {
        curl_slist_free_all(smtp->transfer[i].to);
        curl_easy_cleanup(smtp->transfer[i].curl);
    }
    curl_multi_cleanup(smtp->multi);
    free(smtp);
}

/*
 * A 5xx to RCPT, DATA or the content is about this mail. One to the greeting, STARTTLS, login or MAIL is about the relay: what
 * they tell it is the same for all mails.
 */
static bool is_about_mail(const struct transfer *t) {
    return t->at > 0 || strncmp(t->error, "RCPT failed", 11) == 0 || strncmp(t->error, "DATA failed", 11) == 0;
}

static void finish(struct smtp *smtp, struct transfer *t, CURLcode result) {
    struct smtp_mail *mail = t->mail;
    long code = strtol(mail->reply, NULL, 10);
    if (result == CURLE_OK)
        mail->outcome = SMTP_SENT;
    else if (code >= 500 && code < 600 && is_about_mail(t))
        mail->outcome = SMTP_REFUSED;
    else
        mail->outcome = SMTP_LATER;
    if (result != CURLE_OK && code < 400)
        (void) snprintf(mail->reply, sizeof(mail->reply), "%.200s", *t->error ? t->error : curl_easy_strerror(result));
    (void) curl_multi_remove_handle(smtp->multi, t->curl);
    curl_slist_free_all(t->to);
    t->to = NULL;
    t->mail = NULL;
}

/* No other mail would fare better now. */
static bool is_unreachable(const struct transfer *t, CURLcode result) {
    return (result == CURLE_WEIRD_SERVER_REPLY && !is_about_mail(t)) || result == CURLE_COULDNT_CONNECT ||
           result == CURLE_COULDNT_RESOLVE_HOST || result == CURLE_USE_SSL_FAILED ||
           result == CURLE_SSL_CONNECT_ERROR || result == CURLE_PEER_FAILED_VERIFICATION ||
           result == CURLE_LOGIN_DENIED;
}

static bool begin(struct smtp *smtp, struct transfer *t, struct smtp_mail *mail) {
    char address[300];
    (void) snprintf(address, sizeof(address), "<%s>", mail->to);
    t->mail = mail;
    t->at = 0;
    t->error[0] = '\0';
    mail->outcome = SMTP_LATER;
    mail->reply[0] = '\0';
    t->to = curl_slist_append(NULL, address);
    if (!t->to || curl_easy_setopt(t->curl, CURLOPT_MAIL_RCPT, t->to) != CURLE_OK ||
        curl_easy_setopt(t->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t) mail->bytes->len) != CURLE_OK ||
        curl_multi_add_handle(smtp->multi, t->curl) != CURLM_OK) {
        finish(smtp, t, CURLE_OUT_OF_MEMORY);
        return false;
    }
    return true;
}

struct sending {
    struct smtp *smtp;
    struct smtp_mail *mails;
    size_t n, next, busy;
    bool reached, unreachable;
};

static void begin_idle(struct sending *s) {
    for (size_t i = 0; i < s->smtp->transfers && s->next < s->n && !s->unreachable; i++)
        if (!s->smtp->transfer[i].mail)
            s->busy += begin(s->smtp, &s->smtp->transfer[i], &s->mails[s->next++]);
}

static void take_results(struct sending *s) {
    int left = 0;
    for (CURLMsg *m; (m = curl_multi_info_read(s->smtp->multi, &left));) {
        struct transfer *t = NULL;
        CURLcode result = m->data.result;
        if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **) &t) != CURLE_OK)
            continue;
        s->reached |= !is_unreachable(t, result);
        s->unreachable |= is_unreachable(t, result);
        finish(s->smtp, t, result);
        s->busy--;
    }
}

/*
 * The library ends the mail with a dot when a transfer is only taken out, and the relay has half of it, or nothing, as a whole one.
 * Aborted by the progress callback, it hangs up instead.
 */
static void abandon(struct sending *s) {
    int running = 0;
    s->smtp->abandoned = true;
    (void) curl_multi_perform(s->smtp->multi, &running);
    take_results(s);
    s->smtp->abandoned = false;
    for (size_t i = 0; i < s->smtp->transfers; i++)
        if (s->smtp->transfer[i].mail)
            finish(s->smtp, &s->smtp->transfer[i], CURLE_ABORTED_BY_CALLBACK);
}

void smtp_send(struct smtp *smtp, struct smtp_mail *mails, size_t n, int (*keep)(void *ctx), void *ctx) {
    struct sending s = {.smtp = smtp, .mails = mails, .n = n};
    for (size_t i = 0; i < n; i++)
        mails[i].outcome = SMTP_UNTRIED;
    for (begin_idle(&s); s.busy > 0; begin_idle(&s)) {
        int running = 0;
        (void) curl_multi_perform(smtp->multi, &running);
        take_results(&s);
        if (keep(ctx) != 0) {
            abandon(&s);
            break;
        }
        if (s.busy > 0 && running > 0)
            (void) curl_multi_poll(smtp->multi, NULL, 0, POLL_MSEC, NULL);
    }
    if (n > 0)
        atomic_store(&smtp->down, s.unreachable && !s.reached);
}

bool smtp_is_down(const struct smtp *smtp) {
    return atomic_load(&smtp->down);
}
