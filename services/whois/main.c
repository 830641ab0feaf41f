/*
 * inkan-whois asks WHOIS servers who holds the domains that uploads apply for.
 *
 * Trusted with: nothing. It reads what strangers send, so its database role sees the queue alone and can only end its own
 * questions with an answer (ask_finish(), ask_reuse()); what follows from an answer is the validator's to decide.
 *
 * Talks to: PostgreSQL (stage ask), DNS, WHOIS servers (port 43 or as configured), validator (hints).
 */
#include "base/clock.h"
#include "store/ask.h"
#include "whois.h"

#define SERVERS_DEFAULT "jp=whois.jprs.jp:43 org=whois.pir.org:43 .=whois.iana.org:43"

struct whois_settings whois_settings;

static const struct setting settings[] = {
    {"whois", "servers", SETTING_TEXT, SERVERS_DEFAULT, 0, 0, &whois_settings.servers,
     .help = "suffix=host:port …: who is asked; the longest suffix wins, \".\" is for all others"},
    {"whois", "referrals", SETTING_TEXT, "", 0, 0, &whois_settings.referrals,
     .help = "name=host:port …: where an answer's referral to name leads; others lead to port 43 of public addresses"},
    {"whois", "in_flight", SETTING_INT, "64", 1, 200, &whois_settings.in_flight, .help = "queries at the same time"},
    {"whois", "gap", SETTING_DURATION, "1s", 0, 60 * USEC_PER_SEC, &whois_settings.gap_usec,
     .help = "time between two queries to one server"},
    {"whois", "timeout", SETTING_DURATION, "10s", 100 * USEC_PER_MSEC, 300 * USEC_PER_SEC, &whois_settings.timeout_usec,
     .help = "for one question: look-up, connect, answer, referrals"},
    {0},
};

static const struct statement *const statements[] = {&ask_finish_statement, &ask_reuse_statement, NULL};

int main(int argc, char **argv) {
    static const struct service service = {
        .name = "whois",
        .summary = "asks WHOIS servers who holds a domain",
        .settings = settings,
        .statements = statements,
        .works = 1u << STAGE_ask,
        .hints = 1u << STAGE_decide,
        .init = whois_init,
        .done = whois_done,
        .readiness = whois_readiness,
        .measure = whois_measure,
        .loop = whois_loop,
    };
    return service_run(&service, argc, argv);
}
