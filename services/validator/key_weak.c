#include "key_weak.h"

#include "base/cleanup.h"

#define FACTOR_MAX 752    /* BR 6.1.6: no factors smaller than 752 */
#define FERMAT_ROUNDS 100 /* BR 6.1.1.3(5)(3) */
#define ROCA_PRIME_MAX 167
#define ROCA_GENERATOR 65537

DEFINE_CLEANUP(BIGNUM *, BN_free)
DEFINE_CLEANUP(BN_CTX *, BN_CTX_free)

static bool is_prime(unsigned n) {
    for (unsigned d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return n >= 2;
}

/* Whether residue is a power of 65537 modulo the prime. */
static bool in_roca_group(unsigned residue, unsigned prime) {
    unsigned power = 1;
    do {
        if (power == residue)
            return true;
        power = power * (ROCA_GENERATOR % prime) % prime;
    } while (power != 1);
    return false;
}

/*
 * Small factors, and CVE-2017-15361 (ROCA): such moduli are powers of 65537 modulo every small prime; a sound one has all
 * 38 residues in those groups once in 2^154.
 */
static bool check_residues(const BIGNUM *n, struct buf *reason) {
    bool roca = true;
    for (unsigned prime = 2; prime < FACTOR_MAX; prime++) {
        if (!is_prime(prime))
            continue;
        BN_ULONG residue = BN_mod_word(n, prime);
        if (residue == 0) {
            buf_printf(reason, "n mod %u = 0", prime);
            return true;
        }
        if (roca && prime > 2 && prime <= ROCA_PRIME_MAX)
            roca = in_roca_group((unsigned) residue, prime);
    }
    if (roca)
        buf_text(reason, "ROCA");
    return roca;
}

/* floor(sqrt(n)) by Newton's method from above. False without memory. */
static bool square_root(BIGNUM *root, const BIGNUM *n, BN_CTX *ctx) {
    _cleanup_(BN_freep) BIGNUM *next = BN_new();
    BN_zero(root);
    if (!next || !BN_set_bit(root, (BN_num_bits(n) + 1) / 2))
        return false;
    for (;;) {
        if (!BN_div(next, NULL, n, root, ctx) || !BN_add(next, next, root) || !BN_rshift1(next, next))
            return false;
        if (BN_cmp(next, root) >= 0)
            return true;
        BN_swap(next, root);
    }
}

/* 1, 0, or -1 without memory. Residues of squares first: they tell nearly all others apart for a few divisions. */
static int is_square(const BIGNUM *n, BIGNUM *root, BN_CTX *ctx) {
    static const unsigned moduli[] = {64, 63, 65, 11};
    for (size_t i = 0; i < ARRAY_SIZE(moduli); i++) {
        unsigned residue = (unsigned) BN_mod_word(n, moduli[i]), x = 0;
        while (x < moduli[i] && x * x % moduli[i] != residue)
            x++;
        if (x == moduli[i])
            return 0;
    }
    if (!square_root(root, n, ctx) || !BN_sqr(root, root, ctx))
        return -1;
    return BN_cmp(root, n) == 0;
}

/* n = a² - b² = (a + b)(a - b): found soon when the two primes are close together. 1, 0, or -1 without memory. */
static int is_fermat(const BIGNUM *n) {
    _cleanup_(BN_CTX_freep) BN_CTX *ctx = BN_CTX_new();
    _cleanup_(BN_freep) BIGNUM *a = BN_new(), *rest = BN_new(), *root = BN_new();
    if (!ctx || !a || !rest || !root || !square_root(a, n, ctx) || !BN_add_word(a, 1) || !BN_sqr(rest, a, ctx) ||
        !BN_sub(rest, rest, n) || !BN_lshift1(a, a) || !BN_add_word(a, 1))
        return -1;
    for (int round = 0; round < FERMAT_ROUNDS; round++) {
        int r = is_square(rest, root, ctx);
        if (r != 0)
            return r;
        /* (a + 1)² - n = a² - n + 2a + 1 */
        if (!BN_add(rest, rest, a) || !BN_add_word(a, 2))
            return -1;
    }
    return 0;
}

bool key_weak_modulus(const BIGNUM *n, struct buf *reason) {
    if (check_residues(n, reason))
        return true;
    int r = is_fermat(n);
    if (r == 0)
        return false;
    if (r > 0)
        buf_text(reason, "Fermat");
    else
        reason->failed = true;
    return true;
}
