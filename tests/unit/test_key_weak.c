/* RSA moduli that nobody may use, at the edges of what is refused: BR 6.1.1.3(5) and 6.1.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "requests.h"
#include "services/validator/key_weak.h"

#define BITS 2048
#define SMALL_MAX 752       /* BR 6.1.6 */
#define FERMAT_ROUNDS 100   /* BR 6.1.1.3(5)(3) */
#define ROCA_PRIME_MAX 167U /* of a key of 512 bits or more */

static BN_CTX *ctx;

static int setup(void **state) {
    (void) state;
    ctx = BN_CTX_new();
    return ctx ? 0 : -1;
}

static int teardown(void **state) {
    (void) state;
    BN_CTX_free(ctx);
    return 0;
}

static bool is_prime(unsigned n) {
    for (unsigned d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return n > 1;
}

/* What is said of n; "" when it is sound. */
static const char *said(const BIGNUM *n) {
    static char text[64];
    _cleanup_buf_ struct buf reason = {0};
    bool weak = key_weak_modulus(n, &reason);
    assert_false(reason.failed);
    (void) snprintf(text, sizeof(text), "%s", buf_string(&reason));
    assert_int_equal(weak, *text != '\0');
    return text;
}

/* The next one without small factors. */
static void make_rough(BIGNUM *n) {
    (void) BN_set_bit(n, 0);
    while (has_small_factor(n))
        (void) BN_add_word(n, 2);
}

static BIGNUM *random_rough(int bits) {
    BIGNUM *n = BN_new();
    assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD), 1);
    make_rough(n);
    return n;
}

static void test_small_factors(void **state) {
    (void) state;
    BIGNUM *rough = random_rough(BITS - 10), *n = BN_new();
    for (unsigned p = 2; p < SMALL_MAX; p++) {
        char expected[32];
        if (!is_prime(p))
            continue;
        (void) snprintf(expected, sizeof(expected), "n mod %u = 0", p);
        assert_non_null(BN_copy(n, rough));
        (void) BN_mul_word(n, p);
        assert_string_equal(said(n), expected);
    }
    assert_non_null(BN_copy(n, rough));
    (void) BN_mul_word(n, 757);
    assert_string_equal(said(n), "");
    BN_free(n);
    BN_free(rough);
}

/* Every prime exponent that a modulus of so many bits can have: its base is at least 757. */
static void try_powers(int bits) {
    BIGNUM *n = BN_new(), *exponent = BN_new();
    for (unsigned k = 2; k * 9.56 < bits; k++) {
        char expected[32];
        if (!is_prime(k))
            continue;
        int base_bits = bits / (int) k;
        BIGNUM *base = base_bits < 11 ? BN_new() : random_rough(base_bits);
        if (base_bits < 11)
            (void) BN_set_word(base, 757);
        (void) BN_set_word(exponent, k);
        assert_int_equal(BN_exp(n, base, exponent, ctx), 1);
        (void) snprintf(expected, sizeof(expected), "n = x^%u", k);
        assert_string_equal(said(n), expected);
        /* What is near a power is none. */
        (void) BN_add_word(n, 2);
        make_rough(n);
        assert_string_equal(said(n), "");
        BN_free(base);
    }
    BN_free(exponent);
    BN_free(n);
}

static void test_powers(void **state) {
    (void) state;
    try_powers(BITS);
    try_powers(4096);
}

static void test_powers_of_powers(void **state) {
    (void) state;
    static const struct {
        unsigned exponent;
        const char *said;
    } cases[] = {{4, "n = x^2"}, {6, "n = x^2"}, {9, "n = x^3"}, {25, "n = x^5"}, {35, "n = x^5"}};
    BIGNUM *n = BN_new(), *exponent = BN_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        BIGNUM *base = random_rough(BITS / (int) cases[i].exponent);
        (void) BN_set_word(exponent, cases[i].exponent);
        assert_int_equal(BN_exp(n, base, exponent, ctx), 1);
        assert_string_equal(said(n), cases[i].said);
        BN_free(base);
    }
    BN_free(exponent);
    BN_free(n);
}

static unsigned order_of_generator(unsigned p) {
    unsigned n = 1;
    for (unsigned power = 65537 % p; power != 1; power = power * (65537 % p) % p)
        n++;
    return n;
}

/* The product of the primes that such keys show themselves by. */
static BIGNUM *primorial(void) {
    BIGNUM *m = BN_new();
    (void) BN_one(m);
    for (unsigned p = 2; p <= ROCA_PRIME_MAX; p++)
        if (is_prime(p))
            (void) BN_mul_word(m, p);
    return m;
}

static BIGNUM *roca_modulus(const BIGNUM *m) {
    BIGNUM *n = BN_new(), *k = BN_new(), *generator = BN_new(), *exponent = BN_new();
    (void) BN_set_word(generator, 65537);
    assert_int_equal(BN_rand(exponent, 200, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY), 1);
    assert_int_equal(BN_mod_exp(n, generator, exponent, m, ctx), 1);
    assert_int_equal(BN_rand(k, BITS - BN_num_bits(m), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY), 1);
    assert_int_equal(BN_mul(k, k, m, ctx), 1);
    assert_int_equal(BN_add(n, n, k), 1);
    while (has_small_factor(n))
        assert_int_equal(BN_add(n, n, m), 1);
    BN_free(exponent);
    BN_free(generator);
    BN_free(k);
    return n;
}

/* One residue outside its group, and the key is not of that kind. */
static void test_roca(void **state) {
    (void) state;
    BIGNUM *m = primorial(), *n = roca_modulus(m), *step = BN_new(), *other = BN_new();
    assert_string_equal(said(n), "ROCA");
    unsigned telling = 0;
    for (unsigned p = 3; p <= ROCA_PRIME_MAX; p++) {
        if (!is_prime(p) || order_of_generator(p) == p - 1)
            continue;
        telling++;
        assert_non_null(BN_copy(step, m));
        (void) BN_div_word(step, p);
        assert_non_null(BN_copy(other, n));
        unsigned steps = 0;
        do {
            assert_int_equal(BN_add(other, other, step), 1);
            assert_true(++steps < 1000);
        } while (has_small_factor(other) || strcmp(said(other), "ROCA") == 0);
        /* All the others are as they were. */
        for (unsigned q = 3; q <= ROCA_PRIME_MAX; q++)
            assert_true(!is_prime(q) || q == p || BN_mod_word(other, q) == BN_mod_word(n, q));
        assert_string_equal(said(other), "");
    }
    assert_int_equal(telling, 17);
    BN_free(other);
    BN_free(step);
    BN_free(n);
    BN_free(m);
}

/* A modulus that Fermat's method takes apart in exactly this round, the first one being 0: n = a² - b² with b² about 2a (round + 1/2). */
static BIGNUM *fermat_modulus(unsigned round) {
    BIGNUM *a = random_rough(BITS / 2), *b = BN_new(), *n = BN_new(), *square = BN_new(), *low = BN_new(),
           *high = BN_new();
    assert_non_null(BN_copy(square, a));
    (void) BN_mul_word(square, 2 * round + 1);
    /* Its integer root, by halving. */
    (void) BN_zero(low);
    assert_int_equal(BN_lshift(high, BN_value_one(), BN_num_bits(square) / 2 + 1), 1);
    for (int i = BN_num_bits(square); i >= 0; i--) {
        assert_int_equal(BN_add(b, low, high), 1);
        assert_int_equal(BN_rshift1(b, b), 1);
        assert_int_equal(BN_sqr(n, b, ctx), 1);
        assert_non_null(BN_copy(BN_cmp(n, square) <= 0 ? low : high, b));
    }
    assert_non_null(BN_copy(b, low));
    if (BN_is_odd(b))
        (void) BN_add_word(b, 1);
    do {
        (void) BN_add_word(b, 2);
        assert_int_equal(BN_sqr(square, b, ctx), 1);
        assert_int_equal(BN_sqr(n, a, ctx), 1);
        assert_int_equal(BN_sub(n, n, square), 1);
    } while (has_small_factor(n));
    BN_free(high);
    BN_free(low);
    BN_free(square);
    BN_free(b);
    BN_free(a);
    return n;
}

static void test_fermat(void **state) {
    (void) state;
    static const unsigned found[] = {0, 1, 2, 50, FERMAT_ROUNDS - 2, FERMAT_ROUNDS - 1};
    for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
        BIGNUM *n = fermat_modulus(found[i]);
        assert_string_equal(said(n), "Fermat");
        BN_free(n);
    }
    BIGNUM *n = fermat_modulus(FERMAT_ROUNDS);
    assert_string_equal(said(n), "");
    BN_free(n);
}

static void test_too_long(void **state) {
    (void) state;
    _cleanup_buf_ struct buf reason = {0};
    BIGNUM *n = random_rough(BITS);
    assert_int_equal(BN_lshift(n, n, KEY_MODULUS_BITS_MAX), 1);
    (void) BN_add_word(n, 1);
    assert_true(key_weak_modulus(n, &reason) && reason.failed);
    BN_free(n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_factors), cmocka_unit_test(test_powers), cmocka_unit_test(test_powers_of_powers),
        cmocka_unit_test(test_roca),          cmocka_unit_test(test_fermat), cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
