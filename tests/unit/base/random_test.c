/* The seeded generator and the keyed hash: fixed vectors, so that a seed means the same on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/random.h"

static void the_same_seed_gives_the_same_numbers(void **state) {
    (void)state;
    struct random a;
    struct random b;
    struct random c;
    random_init(&a, 42);
    random_init(&b, 42);
    random_init(&c, 43);
    int equal = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t number = random_u64(&a);
        assert_true(number == random_u64(&b));
        equal += number == random_u64(&c);
    }
    assert_int_equal(equal, 0);
}

static void seed_zero_matches_the_published_algorithm(void **state) {
    (void)state;
    struct random random;
    random_init(&random, 0);
    /* splitmix64 from 0 is published; xoshiro256** starts from its first four numbers */
    assert_true(random.state[0] == 0xe220a8397b1dcdafu);
    assert_true(random.state[1] == 0x6e789e6aa1b965f4u);
    assert_true(random_u64(&random) == 0x99ec5f36cb75f2b4u);
}

static void below_reaches_every_value_evenly_and_no_other(void **state) {
    (void)state;
    struct random random;
    unsigned seen[7] = {0};
    random_init(&random, 1);
    for (int i = 0; i < 7000; i++) {
        uint64_t number = random_below(&random, 7);
        assert_true(number < 7);
        seen[number]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(seen[i], 850, 1150);
    }
    assert_true(random_below(&random, 0) == 0);
    assert_true(random_below(&random, 1) == 0);
    (void)random_below(&random, UINT64_MAX);
}

static void the_hash_is_siphash_1_3(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t hash;
    } rows[] = {
        {"a", 0x407448d2b89b1813u},
        {"abc", 0xc03bc3a0042630f2u},
        {"abcdefgh", 0x3f7b849c0b8e35eau},
        {"abcdefghijklmnop", 0x94f60d3d29e6a312u},
    };
    struct hash_key zero = {{0, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(hash_str(zero, wharf_str_of(rows[i].text)) == rows[i].hash);
    }
}

static void hashes_depend_on_key_length_and_every_byte(void **state) {
    (void)state;
    struct hash_key key = {{0x0706050403020100u, 0x0f0e0d0c0b0a0908u}};
    struct hash_key other = {{0x0706050403020100u, 0x0f0e0d0c0b0a0909u}};
    unsigned char bytes[64] = {0};
    uint64_t seen[65];
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        seen[len] = hash_bytes(key, bytes, len);
        assert_true(seen[len] != hash_bytes(other, bytes, len));
        for (size_t i = 0; i < len; i++) {
            assert_true(seen[i] != seen[len]);
            bytes[i] ^= 0x10;
            assert_true(hash_bytes(key, bytes, len) != seen[len]);
            bytes[i] ^= 0x10;
        }
    }
    assert_true(hash_str(key, (wharf_str){NULL, 0}) == seen[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(seed_zero_matches_the_published_algorithm),
        cmocka_unit_test(below_reaches_every_value_evenly_and_no_other),
        cmocka_unit_test(the_hash_is_siphash_1_3),
        cmocka_unit_test(hashes_depend_on_key_length_and_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
