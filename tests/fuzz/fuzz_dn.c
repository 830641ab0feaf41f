/* A subject DN: what is wanted reads back as it was written, and no value hides another attribute. */
#include "base/cleanup.h"
#include "fuzz.h"
#include "services/validator/dn.h"
#include "subject.h"

static void hold(const struct dn *dn) {
    static const char *const attributes[] = {",CN=", ",OU=", ",O=", ",L=", ",ST=", ",C=", ",DC=", ",E="};
    for (size_t i = 0; i < dn->count; i++)
        for (size_t k = 0; k < ARRAY_SIZE(attributes); k++)
            MUST(!strcasestr(dn->element[i].value, attributes[k]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    for (int ou = POLICY_OU_REFUSE; ou <= POLICY_OU_LISTED; ou++) {
        const struct policy policy = {
            .ou = (enum policy_ou) ou, .locality = (size & 1) != 0, .state_or_province = (size & 2) != 0};
        struct dn dn;
        _cleanup_buf_ struct buf found = {0}, again = {0};
        MUST(dn_parse(&dn, text) == 0 && dn.count <= DN_ELEMENTS_MAX);
        for (size_t i = 0; i < dn.count; i++) {
            (void) subject_is_placeholder(dn.element[i].value);
            buf_printf(&again, "%s%s=%s", i > 0 ? "," : "", dn.element[i].name, dn.element[i].value);
        }
        if (dn_is_wanted(&dn, &policy, &found)) {
            hold(&dn);
            MUST(again.len <= strlen(text)); /* blanks around names are passed over */
            MUST(strchr(text, ' ') || strchr(text, '\t') || strcmp(buf_string(&again), text) == 0);
            MUST(found.len == 0 && dn_value(&dn, DN_CN) && !dn.overflow);
        }
        dn_done(&dn);
    }
    free(text);
    return 0;
}
