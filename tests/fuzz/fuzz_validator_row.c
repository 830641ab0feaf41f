/* A line as a registrar may send it, in each format; the first byte chooses the policy and the format. */
#include "fuzz.h"
#include "services/validator/cp932.h"
#include "services/validator/row.h"

static const struct name_domain domains[] = {{1, "example.ac.jp", true}, {2, "pending.ac.jp", false}};

static bool is_ours(const char *name) {
    size_t len = strlen(name), end = strlen("example.ac.jp");
    return strcmp(name, "example.ac.jp") == 0 || (len > end + 1 && strcmp(name + len - end - 1, ".example.ac.jp") == 0);
}

/* A row without errors names hosts of the organisation alone, and has the key that it shows. */
static void hold(const struct row *row) {
    MUST(row->cn && is_ours(row->cn));
    char *names = strdup(row->names.data ? row->names.data : ""), *rest = names;
    for (const char *name; (name = strsep(&rest, ","));)
        MUST(!*name || is_ours(name));
    free(names);
    if (row->problems.format->deed == TSV_ISSUE)
        MUST(row->csr.spki && row->profile > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const ous[] = {"Media Center"};
    static const char *const kinds[] = {"server-issue", "server-renew", "server-revoke", "manager-update"};
    unsigned choice = size > 0 ? data[0] : 0;
    struct policy policy = {
        .profiles = {{3, POLICY_KEY_RSA, 2048, "RSA 2048"}, {11, POLICY_KEY_EC, 384, "ECDSA P-384 (secp384r1)"}},
        .profiles_count = 2,
        .locality = true,
        .state_or_province = true,
        .names_max = 8,
        .ou = (enum policy_ou)(choice / 4 % 3),
    };
    const struct row_rules rules = {.format = tsv_format(kinds[choice % 4]),
                                    .policy = &policy,
                                    .o = "testkikan",
                                    .st = "Tokyo",
                                    .l = "Chiyoda-ku",
                                    .domains = domains,
                                    .domains_count = 2,
                                    .ous = ous,
                                    .ous_count = 1,
                                    .match_ou = choice / 12 % 2};
    struct row row = {0};
    MUST(cp932_open() == 0 && name_open() == 0);
    row_check(&row, &rules, data + (size > 0), size - (size > 0));
    char *errors = problems_dump(&row.problems);
    MUST(!row.failed && !row.problems.failed && errors); /* memory is not short: an argument that JSON cannot hold */
    free(errors);
    if (!problems_any(&row.problems) && row.problems.format->deed == TSV_ISSUE)
        hold(&row);
    row_done(&row);
    return 0;
}
