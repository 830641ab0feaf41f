/* What a WHOIS server may send. */
#include <stdint.h>

#include "services/whois/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct answer a;
    answer_read(&a, "example.ac.jp", data, size);
    return 0;
}
