/* A question about certificates. */
#include "fuzz.h"
#include "services/ingress/pki/ocsp_question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ocsp_question q = {0};
    if (ocsp_question_read(&q, data, size)) {
        MUST(q.n >= 1 && q.n <= OCSP_SERIALS_MAX);
        for (size_t i = 0; i < q.n; i++)
            MUST(q.ids[i]);
    }
    ocsp_question_done(&q);
    return 0;
}
