/* A line as a registrar may send it, CSR included. */
#include <stdint.h>
#include <stdlib.h>

#include "services/validator/cp932.h"
#include "services/validator/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct name_domain domains[] = {{1, "example.ac.jp", true}, {2, "pending.ac.jp", false}};
    static const struct policy policy = {
        .profiles = {{3, POLICY_KEY_RSA, 2048, "RSA 2048"}, {11, POLICY_KEY_EC, 384, "ECDSA P-384 (secp384r1)"}},
        .profiles_count = 2,
        .locality = true,
        .state_or_province = true,
        .names_max = 8,
    };
    const struct row_rules rules = {.format = tsv_format("server-issue"),
                                    .policy = &policy,
                                    .o = "testkikan",
                                    .st = "Tokyo",
                                    .l = "Chiyoda-ku",
                                    .domains = domains,
                                    .domains_count = 2};
    struct row row = {0};
    if (cp932_open() < 0)
        abort();
    row_check(&row, &rules, data, size);
    free(problems_dump(&row.problems));
    if (row.failed || row.problems.failed)
        abort(); /* memory is not short here: an argument that JSON cannot hold */
    row_done(&row);
    return 0;
}
