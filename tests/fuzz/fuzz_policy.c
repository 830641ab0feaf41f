/* A policy file: what is accepted lies within the bounds of its arrays. */
#include "fuzz.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct policy p;
    _cleanup_buf_ struct buf errors = {0};
    char *text = fuzz_text(data, size);
    if (policy_parse(&p, text, size, &errors) == 0) {
        MUST(p.profiles_count > 0 && p.profiles_count <= POLICY_PROFILES_MAX);
        MUST(p.periods_count > 0 && p.periods_count <= POLICY_PERIODS_MAX);
        MUST(p.policy_oids_count >= 0 && p.policy_oids_count <= POLICY_OIDS_MAX);
        MUST(p.expiry_days_count >= 0 && p.expiry_days_count <= POLICY_EXPIRY_MAX && p.names_max >= 1);
        for (int i = 0; i < p.periods_count; i++)
            MUST(p.periods[i].validity_days > 0 && (i == 0 || p.periods[i - 1].from_usec < p.periods[i].from_usec));
        for (int i = 0; i < p.profiles_count; i++)
            MUST(policy_profile(&p, p.profiles[i].id));
        (void) policy_validity_days(&p, (int64_t) size);
    } else {
        MUST(errors.len > 0);
    }
    free(text);
    return 0;
}
