#include "store/certificate.h"

const struct statement certificate_words_statement = {"certificate_words", 1,
                                                      "SELECT certificate_words_enter($1::integer)"};

int64_t certificate_words(struct db *db, int most) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int32(&args, most);
    int64_t n = db_run(db, &certificate_words_statement, &args, &rows);
    return n <= 0 ? n : db_int64(rows, 0, 0);
}
