/* output_open() to output_commit(): a regular file appears complete or not at all. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"

struct folder {
    char path[256];
    char file[300];
};

static int make_folder(void **state) {
    static struct folder folder;
    const char *base = getenv("TMPDIR");
    snprintf(folder.path, sizeof folder.path, "%s/wharf-output-XXXXXX", base != NULL ? base : P_tmpdir);
    if (mkdtemp(folder.path) == NULL) {
        return -1;
    }
    snprintf(folder.file, sizeof folder.file, "%s/file", folder.path);
    *state = &folder;
    return 0;
}

/* Empties the folder; returns how many names were in it. */
static int empty(const char *path) {
    int names = 0;
    DIR *dir = opendir(path);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            unlinkat(dirfd(dir), entry->d_name, 0);
            names++;
        }
    }
    closedir(dir);
    return names;
}

static int remove_folder(void **state) {
    struct folder *folder = *state;
    empty(folder->path);
    return rmdir(folder->path);
}

static void put(const char *path, const char *text, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void assert_contents(const char *path, const char *text) {
    char bytes[64] = "";
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t got = read(fd, bytes, sizeof bytes - 1);
    close(fd);
    assert_true(got >= 0);
    assert_string_equal(bytes, text);
}

static void makes_a_new_file_at_the_commit(void **state) {
    struct folder *folder = *state;
    struct output output;
    assert_int_equal(output_open(&output, folder->file), 0);
    assert_int_equal(output_write(&output, "new", 3), 0);
    assert_int_equal(access(folder->file, F_OK), -1);
    assert_int_equal(output_commit(&output), 0);
    assert_contents(folder->file, "new");
    assert_int_equal(empty(folder->path), 1);
}

static void replaces_a_file_at_the_commit_and_keeps_its_mode(void **state) {
    struct folder *folder = *state;
    struct output output;
    struct stat status;
    put(folder->file, "old", 0640);
    assert_int_equal(output_open(&output, folder->file), 0);
    assert_int_equal(output_write(&output, "new", 3), 0);
    assert_contents(folder->file, "old");
    assert_int_equal(output_commit(&output), 0);
    assert_contents(folder->file, "new");
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(empty(folder->path), 1);
}

static void leaves_nothing_when_abandoned(void **state) {
    struct folder *folder = *state;
    struct output output;
    assert_int_equal(output_open(&output, folder->file), 0);
    assert_int_equal(output_write(&output, "new", 3), 0);
    output_abandon(&output);
    assert_int_equal(empty(folder->path), 0);
}

static void writes_through_a_symbolic_link(void **state) {
    struct folder *folder = *state;
    struct output output;
    struct stat status;
    char link[300];
    snprintf(link, sizeof link, "%s/link", folder->path);
    put(folder->file, "old", 0600);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(output_open(&output, link), 0);
    assert_int_equal(output_write(&output, "new", 3), 0);
    assert_int_equal(output_commit(&output), 0);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_contents(folder->file, "new");
    assert_int_equal(empty(folder->path), 2);
}

static void writes_a_device_as_it_is(void **state) {
    (void)state;
    struct output output;
    assert_int_equal(output_open(&output, "/dev/null"), 0);
    assert_null(output.path);
    assert_int_equal(output_write(&output, "new", 3), 0);
    assert_int_equal(output_commit(&output), 0);
}

static void says_why_a_place_is_no_good(void **state) {
    struct folder *folder = *state;
    struct output output;
    char path[320];
    snprintf(path, sizeof path, "%s/none/file", folder->path);
    assert_int_equal(output_open(&output, path), -ENOENT);
    assert_int_equal(output_open(&output, folder->path), -EISDIR);
    assert_int_equal(output_open(&output, "/dev/full"), 0);
    assert_int_equal(output_write(&output, "x", 1), -ENOSPC);
    output_abandon(&output);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_new_file_at_the_commit),
        cmocka_unit_test(replaces_a_file_at_the_commit_and_keeps_its_mode),
        cmocka_unit_test(leaves_nothing_when_abandoned),
        cmocka_unit_test(writes_through_a_symbolic_link),
        cmocka_unit_test(writes_a_device_as_it_is),
        cmocka_unit_test(says_why_a_place_is_no_good),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
