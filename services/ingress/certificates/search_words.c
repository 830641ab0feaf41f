/* Enters the words of new and changed certificates into the index of the search, some at a time. */
#include "services/ingress/certificates/search_words.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "metrics.h"
#include "store/certificate.h"
#include "store/upload.h"

#define BATCH 2000     /* of one transaction */
#define BATCHES_MAX 10 /* one after the other: signals and other timers wait meanwhile */
#define PATIENCE_USEC (5 * USEC_PER_SEC)

static atomic_llong current_usec; /* monotonic: when nothing was left to enter, or the first look */

/* Whoever waits for certificates goes before those who search, for as long as what is due is soon read one by one. */
static bool should_wait(struct context *c) {
    return clock_monotonic_usec() - atomic_load(&current_usec) < PATIENCE_USEC && upload_any(c->db) > 0;
}

int search_words_fire(struct context *c) {
    int64_t n = BATCH;
    if (atomic_load(&current_usec) == 0)
        atomic_store(&current_usec, clock_monotonic_usec());
    if (should_wait(c))
        return 0;
    for (int i = 0; n == BATCH && i < BATCHES_MAX && !service_stopping(c); i++) {
        n = certificate_words(c->db, BATCH);
        if (n < 0)
            return (int) n;
        (void) service_keep(c);
    }
    if (n < BATCH)
        atomic_store(&current_usec, clock_monotonic_usec());
    return 0;
}

void search_words_measure(void) {
    int64_t since = atomic_load(&current_usec);
    metrics_set(METRIC_SEARCH_BEHIND, NULL, since > 0 ? (double) (clock_monotonic_usec() - since) / USEC_PER_SEC : 0);
}
