/* options_parse(): every way to write a flag, and every way to get it wrong. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"

enum { WORDS_MAX = 8 };

struct set {
    bool keep;
    bool loud;
    const char *name;
    const char **headers;
    int64_t threads;
    int64_t timeout_ms;
    int log;
};

static const char *const logs[] = {"off", "common", NULL};

static const struct flag flags[] = {
    {"keep", 'k', FLAG_SWITCH, offsetof(struct set, keep), NULL, NULL, ""},
    {"loud", 'v', FLAG_SWITCH, offsetof(struct set, loud), NULL, NULL, ""},
    {"name", 'n', FLAG_TEXT, offsetof(struct set, name), "NAME", NULL, ""},
    {"header", 'H', FLAG_LIST, offsetof(struct set, headers), "HEADER", NULL, ""},
    {"threads", 0, FLAG_COUNT, offsetof(struct set, threads), "N", NULL, ""},
    {"timeout", 't', FLAG_SECONDS, offsetof(struct set, timeout_ms), "SECONDS", NULL, ""},
    {"log", 0, FLAG_CHOICE, offsetof(struct set, log), "off|common", logs, ""},
    {0},
};

static const struct command test_command = {
    .name = "test",
    .synopsis = "[flags] WORD...",
    .flags = flags,
    .options_size = sizeof(struct set),
    .operands_min = 0,
    .operands_max = 2,
};

/* Splits a line at spaces and parses it; the operands, each followed by a space, in `operands`. */
static int parse(const char *line, char *words, struct set *ret_set, char *operands) {
    char *argv[WORDS_MAX + 1] = {NULL};
    int argc = 0;
    memcpy(words, line, strlen(line) + 1);
    for (char *word = words; *word != '\0' && argc < WORDS_MAX;) {
        argv[argc++] = word;
        word += strcspn(word, " ");
        if (*word == ' ') {
            *word++ = '\0';
        }
    }
    memset(ret_set, 0, sizeof *ret_set);
    int count = options_parse(&test_command, argc, argv, ret_set);
    operands[0] = '\0';
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        len += (size_t)snprintf(operands + len, 64 - len, "%s ", argv[i]);
    }
    return count;
}

static void accepts_every_way_to_write_a_flag(void **state) {
    (void)state;
    static const struct {
        const char *line, *operands, *name, *header;
        bool keep, loud;
        int64_t threads, timeout_ms;
        int log;
    } rows[] = {
        {.line = "", .operands = ""},
        {.line = "a b", .operands = "a b "},
        {.line = "-k a", .operands = "a ", .keep = true},
        {.line = "a --keep b", .operands = "a b ", .keep = true},
        {.line = "-kv", .operands = "", .keep = true, .loud = true},
        {.line = "-n x", .operands = "", .name = "x"},
        {.line = "-nx", .operands = "", .name = "x"},
        {.line = "-kvnx", .operands = "", .name = "x", .keep = true, .loud = true},
        {.line = "-kn x a", .operands = "a ", .name = "x", .keep = true},
        {.line = "--name x", .operands = "", .name = "x"},
        {.line = "--name=x=y", .operands = "", .name = "x=y"},
        {.line = "--name=", .operands = "", .name = ""},
        {.line = "--name --keep", .operands = "", .name = "--keep"},
        {.line = "-- -k --name", .operands = "-k --name "},
        {.line = "a -", .operands = "a - "},
        {.line = "-H a: -H b:", .operands = "", .header = "b:"},
        {.line = "--threads 16 --timeout 1.5 --log=common",
         .operands = "",
         .threads = 16,
         .timeout_ms = 1500,
         .log = 2},
        {.line = "--log off -t10", .operands = "", .timeout_ms = 10000, .log = 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char words[128], operands[64];
        struct set set;
        assert_true(parse(rows[i].line, words, &set, operands) >= 0);
        assert_string_equal(operands, rows[i].operands);
        assert_int_equal(set.keep, rows[i].keep);
        assert_int_equal(set.loud, rows[i].loud);
        assert_int_equal(set.threads, rows[i].threads);
        assert_int_equal(set.timeout_ms, rows[i].timeout_ms);
        assert_int_equal(set.log, rows[i].log);
        assert_int_equal(set.name != NULL, rows[i].name != NULL);
        assert_int_equal(set.headers != NULL, rows[i].header != NULL);
        if (set.name != NULL) {
            assert_string_equal(set.name, rows[i].name);
        }
        if (set.headers != NULL) {
            assert_string_equal(set.headers[1], rows[i].header);
            assert_null(set.headers[2]);
        }
        options_deinit(&test_command, &set);
    }
}

static void refuses_what_is_wrong_in_one_sentence(void **state) {
    (void)state;
    static const struct {
        const char *line, *sentence;
    } rows[] = {
        {"--kep", "wharf test: there is no flag --kep; did you mean --keep? (try: wharf help test)\n"},
        {"--helo", "wharf test: there is no flag --helo; did you mean --help? (try: wharf help test)\n"},
        {"--tiemout=3",
         "wharf test: there is no flag --tiemout; did you mean --timeout? (try: wharf help test)\n"},
        {"--quite-different", "wharf test: there is no flag --quite-different (try: wharf help test)\n"},
        {"-kx", "wharf test: there is no flag -x (try: wharf help test)\n"},
        {"--keep=yes", "wharf test: takes no value: --keep (try: wharf help test)\n"},
        {"--name", "wharf test: --name needs a value: NAME (try: wharf help test)\n"},
        {"-kn", "wharf test: --name needs a value: NAME (try: wharf help test)\n"},
        {"-na -nb", "wharf test: given twice: --name (try: wharf help test)\n"},
        {"--threads 0", "wharf test: --threads takes N, not 0 (try: wharf help test)\n"},
        {"--threads 257", "wharf test: --threads takes N, not 257 (try: wharf help test)\n"},
        {"--log loud", "wharf test: --log takes off|common, not loud (try: wharf help test)\n"},
        {"-t 0", "wharf test: --timeout takes SECONDS, not 0 (try: wharf help test)\n"},
        {"a b c", "wharf test: one argument too many: c (try: wharf help test)\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char words[128], operands[64], sentence[256] = "";
        struct set set;
        FILE *standard = stderr;
        stderr = fmemopen(sentence, sizeof sentence, "w");
        int result = parse(rows[i].line, words, &set, operands);
        fclose(stderr);
        stderr = standard;
        options_deinit(&test_command, &set);
        assert_int_equal(result, OPTIONS_WRONG);
        assert_string_equal(sentence, rows[i].sentence);
    }
}

static void gives_help_wherever_it_is_asked_for(void **state) {
    (void)state;
    static const char *const lines[] = {"--help", "-h", "-kh", "a b c --help", "--name x --help"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char words[128], operands[64];
        struct set set;
        assert_int_equal(parse(lines[i], words, &set, operands), OPTIONS_HELP);
    }
}

static void reads_seconds(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"1", 1000},
        {"0.25", 250},
        {".5", 500},
        {"2.0005", 2000},
        {"31622400", 31622400000},
        {"31622401", -1},
        {"", -1},
        {".", -1},
        {"1.", -1},
        {"0", -1},
        {"0.0001", -1},
        {"-1", -1},
        {"1e3", -1},
        {"1s", -1},
        {" 1", -1},
        {"99999999999999999999", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        assert_int_equal(options_parse_seconds(rows[i].text, &ms), rows[i].ms >= 0);
        assert_int_equal(ms, rows[i].ms);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_every_way_to_write_a_flag),
        cmocka_unit_test(refuses_what_is_wrong_in_one_sentence),
        cmocka_unit_test(gives_help_wherever_it_is_asked_for),
        cmocka_unit_test(reads_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
