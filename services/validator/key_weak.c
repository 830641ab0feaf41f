#include "key_weak.h"

#include "base/cleanup.h"

#define FERMAT_ROUNDS 100 /* BR 6.1.1.3(5)(3) */
#define ROCA_PRIME_MAX 167
#define ROCA_GENERATOR 65537

DEFINE_CLEANUP(BIGNUM *, BN_free)
DEFINE_CLEANUP(BN_CTX *, BN_CTX_free)

/* BR 6.1.6: no factors smaller than 752. */
static const uint16_t primes[] = {
    2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,  73,  79,  83,
    89,  97,  101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199,
    211, 223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311, 313, 317, 331, 337, 347,
    349, 353, 359, 367, 373, 379, 383, 389, 397, 401, 409, 419, 421, 431, 433, 439, 443, 449, 457, 461, 463, 467, 479,
    487, 491, 499, 503, 509, 521, 523, 541, 547, 557, 563, 569, 571, 577, 587, 593, 599, 601, 607, 613, 617, 619, 631,
    641, 643, 647, 653, 659, 661, 673, 677, 683, 691, 701, 709, 719, 727, 733, 739, 743, 751,
};

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
 * Small factors, and CVE-2017-15361 (ROCA): such moduli are powers of 65537 modulo every small prime; a sound one has
 * all 38 residues in those groups once in 2^154.
 */
static bool check_residues(const BIGNUM *n, struct buf *reason) {
    bool roca = true;
    for (size_t next = 0; next < ARRAY_SIZE(primes);) {
        /* One long division for as many primes as a word holds. */
        size_t i = next;
        uint32_t product = 1;
        while (next < ARRAY_SIZE(primes) && product <= UINT32_MAX / primes[next])
            product *= primes[next++];
        BN_ULONG rest = BN_mod_word(n, product);
        for (; i < next; i++) {
            unsigned prime = primes[i], residue = (unsigned) (rest % prime);
            if (residue == 0) {
                buf_printf(reason, "n mod %u = 0", prime);
                return true;
            }
            if (roca && prime > 2 && prime <= ROCA_PRIME_MAX)
                roca = in_roca_group(residue, prime);
        }
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

/* Moduli that tell nearly all other numbers from squares, each with the set of its squares as bits. */
struct sieve {
    unsigned modulus;
    uint64_t squares;
    unsigned rest, step; /* of the running round, see is_fermat() */
};

static void sieve_begin(struct sieve *s, const BIGNUM *rest, const BIGNUM *step) {
    s->squares = 0;
    for (unsigned x = 0; x < s->modulus; x++)
        s->squares |= UINT64_C(1) << x * x % s->modulus;
    s->rest = (unsigned) BN_mod_word(rest, s->modulus);
    s->step = (unsigned) BN_mod_word(step, s->modulus);
}

static void sieve_advance(struct sieve *s) {
    s->rest = (s->rest + s->step) % s->modulus;
    s->step = (s->step + 2) % s->modulus;
}

/* Whether a² - n is a square. 1, 0, or -1 without memory. */
static int is_square_above(const BIGNUM *a, const BIGNUM *n, BN_CTX *ctx) {
    _cleanup_(BN_freep) BIGNUM *rest = BN_new();
    _cleanup_(BN_freep) BIGNUM *root = BN_new();
    if (!rest || !root || !BN_sqr(rest, a, ctx) || !BN_sub(rest, rest, n) || !square_root(root, rest, ctx) ||
        !BN_sqr(root, root, ctx))
        return -1;
    return BN_cmp(root, rest) == 0;
}

/*
 * n = a² - b² = (a + b)(a - b): found soon when the two primes are close together. From round to round a² - n grows by
 * 2a + 1 and that by 2; only small residues are kept, and the few rounds that pass them are computed in full. 1, 0, or
 * -1 without memory.
 */
static int is_fermat(const BIGNUM *n) {
    struct sieve sieves[] = {{.modulus = 64}, {.modulus = 63}, {.modulus = 61}, {.modulus = 55}, {.modulus = 53}};
    _cleanup_(BN_CTX_freep) BN_CTX *ctx = BN_CTX_new();
    _cleanup_(BN_freep) BIGNUM *a = BN_new();
    _cleanup_(BN_freep) BIGNUM *rest = BN_new();
    _cleanup_(BN_freep) BIGNUM *step = BN_new();
    if (!ctx || !a || !rest || !step || !square_root(a, n, ctx) || !BN_add_word(a, 1) || !BN_sqr(rest, a, ctx) ||
        !BN_sub(rest, rest, n) || !BN_lshift1(step, a) || !BN_add_word(step, 1))
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(sieves); i++)
        sieve_begin(&sieves[i], rest, step);
    for (int round = 0; round < FERMAT_ROUNDS; round++) {
        bool may_be = true;
        for (size_t i = 0; i < ARRAY_SIZE(sieves); i++) {
            may_be = may_be && (sieves[i].squares >> sieves[i].rest & 1);
            sieve_advance(&sieves[i]);
        }
        int r = may_be ? is_square_above(a, n, ctx) : 0;
        if (r != 0)
            return r;
        if (!BN_add_word(a, 1))
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
