/* Lines and other pieces of descriptors and files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wharf/os.h"

/* A descriptor with this text in it. */
static int text_fd(const char *text) {
    int fd = memfd_create("text", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void assert_line(wharf_reader *reader, const char *expected) {
    wharf_str line = {NULL, 0};
    assert_int_equal(wharf_read_line(reader, &line), 1);
    assert_true(wharf_str_is(line, expected));
}

static void reads_lines_however_they_end(void **state) {
    (void)state;
    char room[16];
    wharf_reader reader;
    wharf_str line = wharf_str_of("untouched");
    int fd = text_fd("one\ntwo\r\n\n\r\nlast");
    wharf_reader_init(&reader, fd, room, sizeof room);
    assert_line(&reader, "one");
    assert_line(&reader, "two");
    assert_line(&reader, "");
    assert_line(&reader, "");
    assert_line(&reader, "last");
    assert_int_equal(wharf_read_line(&reader, &line), 0);
    assert_int_equal(wharf_read_line(&reader, &line), 0);
    assert_true(wharf_str_is(line, "untouched"));
    close(fd);
}

static void reads_up_to_any_delimiter(void **state) {
    (void)state;
    static const struct {
        const char *text, *delimiter, *pieces[4];
    } cases[] = {
        {"a--b--", "--", {"a--", "b--", NULL}},
        {"a-b--c", "--", {"a-b--", "c", NULL}},
        {"", "\n", {NULL}},
        {"----", "---", {"---", "-", NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char room[6];
        wharf_reader reader;
        wharf_str piece;
        int fd = text_fd(cases[i].text);
        wharf_reader_init(&reader, fd, room, sizeof room);
        for (const char *const *expected = cases[i].pieces; *expected != NULL; expected++) {
            assert_int_equal(wharf_read_until(&reader, cases[i].delimiter, &piece), strlen(*expected));
            assert_true(wharf_str_is(piece, *expected));
        }
        assert_int_equal(wharf_read_until(&reader, cases[i].delimiter, &piece), 0);
        assert_int_equal(wharf_read_until(&reader, "", &piece), -EINVAL);
        close(fd);
    }
}

static void a_piece_that_is_too_long_is_refused_and_not_lost(void **state) {
    (void)state;
    char room[4];
    wharf_reader reader;
    wharf_str piece;
    int fd = text_fd("abcdefg\n");
    wharf_reader_init(&reader, fd, room, sizeof room);
    assert_int_equal(wharf_read_line(&reader, &piece), -EMSGSIZE);
    assert_non_null(strstr(wharf_why(), "within 4 bytes"));
    assert_int_equal(wharf_read_line(&reader, &piece), -EMSGSIZE);
    assert_int_equal(wharf_read_until(&reader, "c", &piece), 3);
    close(fd);
}

static int write_in_pieces(void *arg) {
    int fd = *(int *)arg;
    static const char *const pieces[] = {"on", "e\r", "\ntw", "o\n", "three"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        wharf_write(fd, pieces[i], strlen(pieces[i]));
        wharf_yield();
    }
    return close(fd);
}

static void waits_for_what_comes_in_pieces(void **state) {
    (void)state;
    int ends[2], result = 0;
    char room[64];
    wharf_reader reader;
    wharf_str line;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    wharf_reader_init(&reader, ends[0], room, sizeof room);
    WHARF_WITHIN (1) {
        result = wharf_read_line(&reader, &line);
    }
    assert_int_equal(result, -ETIMEDOUT); /* and can be asked again */
    WHARF_SCOPE (scope, &result) {
        wharf_go(scope, write_in_pieces, ends[1]);
        assert_line(&reader, "one");
        assert_line(&reader, "two");
        assert_line(&reader, "three");
        assert_int_equal(wharf_read_line(&reader, &line), 0);
    }
    assert_int_equal(result, 0);
    close(ends[0]);
}

static void reads_files_by_their_handle(void **state) {
    (void)state;
    char room[8];
    wharf_reader reader;
    wharf_str line;
    wharf_file file = wharf_open("/tmp", O_TMPFILE | O_RDWR, 0600);
    assert_int_equal(wharf_pwrite(file, "x\nyy\n", 5, 0), 5);
    wharf_reader_init_file(&reader, file, room, sizeof room);
    assert_line(&reader, "x");
    assert_line(&reader, "yy");
    assert_int_equal(wharf_read_line(&reader, &line), 0);
    assert_int_equal(wharf_file_close(file), 0);
    assert_int_equal(wharf_read_line(&reader, &line), -EBADF);
}

static void random_bytes_differ(void **state) {
    (void)state;
    unsigned char a[64] = {0}, b[64] = {0};
    wharf_random(a, sizeof a);
    wharf_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    wharf_random(a, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lines_however_they_end),
        cmocka_unit_test(reads_up_to_any_delimiter),
        cmocka_unit_test(a_piece_that_is_too_long_is_refused_and_not_lost),
        cmocka_unit_test(waits_for_what_comes_in_pieces),
        cmocka_unit_test(reads_files_by_their_handle),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
