#include "key_weak.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "key_list.h"

#define FERMAT_ROUNDS 100 /* BR 6.1.1.3(5)(3) */
#define ROCA_PRIME_MAX 167
#define ROCA_GENERATOR 65537
#define POWER_EVIDENCE_BITS 64
#define BASE_BITS 9 /* 2^9 < 752 */

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

/* A modulus as limbs, the highest first: what is asked most is its remainder by a small number. */
struct limbs {
    uint64_t at[KEY_MODULUS_BITS_MAX / 64];
    size_t count;
};

static bool take_limbs(struct limbs *ret, const BIGNUM *n) {
    uint8_t bytes[sizeof(ret->at)];
    ret->count = ((size_t) BN_num_bits(n) + 63) / 64;
    if (ret->count > ARRAY_SIZE(ret->at) || BN_bn2binpad(n, bytes, (int) (ret->count * 8)) < 0)
        return false;
    for (size_t i = 0; i < ret->count; i++) {
        memcpy(&ret->at[i], bytes + 8 * i, 8);
        ret->at[i] = be64toh(ret->at[i]);
    }
    return true;
}

static uint64_t remainder_by(const struct limbs *n, uint64_t by) {
    __extension__ unsigned __int128 rest = 0;
    for (size_t i = 0; i < n->count; i++)
        rest = (rest << 64 | n->at[i]) % by;
    return (uint64_t) rest;
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
 * Small factors, and CVE-2017-15361 (ROCA): such moduli are powers of 65537 modulo every small prime; a sound one has
 * all 38 residues in those groups once in 2^154.
 */
static bool check_residues(const struct limbs *n, struct buf *reason) {
    bool roca = true;
    for (size_t next = 0; next < ARRAY_SIZE(primes);) {
        /* One long division for as many primes as a word holds. */
        size_t i = next;
        uint64_t product = 1;
        while (next < ARRAY_SIZE(primes) && product <= UINT64_MAX / primes[next])
            product *= primes[next++];
        uint64_t rest = remainder_by(n, product);
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

static bool is_prime(unsigned n) {
    for (unsigned d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return true;
}

static unsigned power_modulo(unsigned base, unsigned exponent, unsigned modulus) {
    uint64_t result = 1, square = base % modulus;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            result = result * square % modulus;
        square = square * square % modulus;
    }
    return (unsigned) result;
}

/* The first prime m k + 1 after q. */
static unsigned next_tester(unsigned k, unsigned q) {
    do
        q += k;
    while (!is_prime(q));
    return q;
}

/* Whether residue, of n modulo q = m k + 1, may be that of a k-th power: those are one in k. */
static bool may_be_power(uint64_t residue, unsigned k, unsigned q) {
    return residue == 0 || power_modulo((unsigned) residue, (q - 1) / k, q) == 1;
}

/*
 * Whether n = x^k, k prime: modulo a prime q = m k + 1 the k-th powers are those whose m-th power is 1. Whatever passes until only one
 * in 2^64 would is taken for a power.
 */
static bool is_power(const struct limbs *n, unsigned k) {
    unsigned evidence = 0, bits = 0;
    while (k >> (bits + 1))
        bits++;
    for (unsigned q = next_tester(k, 1); evidence < POWER_EVIDENCE_BITS; q = next_tester(k, q)) {
        uint64_t residue = remainder_by(n, q);
        if (!may_be_power(residue, k, q))
            return false;
        if (residue != 0)
            evidence += bits;
    }
    return true;
}

/* The exponents that a modulus may have, each with its first tester; made once. */
static struct { unsigned k, q; } exponents[KEY_MODULUS_BITS_MAX / BASE_BITS];
static size_t exponents_count;
static pthread_once_t exponents_once = PTHREAD_ONCE_INIT;

static void fill_exponents(void) {
    for (unsigned k = 2; k <= KEY_MODULUS_BITS_MAX / BASE_BITS; k++)
        if (is_prime(k)) {
            exponents[exponents_count].k = k;
            exponents[exponents_count++].q = next_tester(k, 1);
        }
}

/* BR 6.1.6: no prime power. Its base has no small factor either, which bounds the exponent. */
static bool check_power(const struct limbs *n, struct buf *reason) {
    (void) pthread_once(&exponents_once, fill_exponents);
    for (size_t next = 0; next < exponents_count && exponents[next].k <= n->count * 64 / BASE_BITS;) {
        /* As for the residues. Sound moduli fail at the first tester, or the second. */
        size_t i = next;
        uint64_t product = 1;
        while (next < exponents_count && product <= UINT64_MAX / exponents[next].q)
            product *= exponents[next++].q;
        uint64_t rest = remainder_by(n, product);
        for (; i < next; i++)
            if (may_be_power(rest % exponents[i].q, exponents[i].k, exponents[i].q) && is_power(n, exponents[i].k)) {
                buf_printf(reason, "n = x^%u", exponents[i].k);
                return true;
            }
    }
    return false;
}

/* floor(sqrt(n)) of 1 to 62 bits. */
static uint64_t square_root_of_word(uint64_t n) {
    uint64_t root = UINT64_C(1) << 31, next = root;
    do {
        root = next;
        next = (root + n / root) / 2;
    } while (next < root);
    return root;
}

/* Above sqrt(n), right to some 30 bits: from the square root of n's first ones. False without memory. */
static bool above_square_root(BIGNUM *root, const BIGNUM *n) {
    int shift = BN_num_bits(n) > 62 ? (BN_num_bits(n) - 62 + 1) / 2 : 0;
    return BN_rshift(root, n, 2 * shift) && BN_set_word(root, square_root_of_word(BN_get_word(root)) + 1) &&
           BN_lshift(root, root, shift);
}

/* floor(sqrt(n)) by Newton's method from above. False without memory. */
static bool square_root(BIGNUM *root, const BIGNUM *n, BN_CTX *ctx) {
    _cleanup_(BN_freep) BIGNUM *next = BN_new();
    if (!next || !above_square_root(root, n))
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
    struct limbs limbs;
    if (!take_limbs(&limbs, n)) {
        reason->failed = true;
        return true;
    }
    if (check_residues(&limbs, reason) || check_power(&limbs, reason))
        return true;
    const char *why = "CVE-2008-0166";
    int r = key_list_has(n);
    if (r == 0) {
        why = "Fermat";
        r = is_fermat(n);
    }
    if (r > 0)
        buf_text(reason, why);
    else if (r < 0)
        reason->failed = true;
    return r != 0;
}
