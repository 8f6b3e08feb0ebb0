/* Opening beneath a directory: what is found, what is refused, and that a look-up that may wait takes a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sched/io.h"
#include "sched/sched.h"
#include "server/tree.h"
#include "wharf/debug.h"
#include "wharf/task.h"

static char folder[256];
static int root = -1;

static struct tree tree_of(enum tree_links links) {
    return (struct tree){.root = root, .links = links};
}

static int at(const char *name) {
    int fd = openat(root, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 ? -1 : write(fd, name, strlen(name)) < 0 ? -1 : close(fd);
}

static int make_tree(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/tree-XXXXXX", parent != NULL ? parent : P_tmpdir);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    root = tree_open_root(folder);
    return root < 0 || mkdirat(root, "inner", 0755) < 0 || at("inner/file") < 0 || at("plain") < 0 ||
                   symlinkat("inner/file", root, "link") < 0 || symlinkat("/etc/passwd", root, "out") < 0 ||
                   symlinkat("../../etc/passwd", root, "up") < 0 || mkfifoat(root, "fifo", 0644) < 0
               ? -1
               : 0;
}

static int drop_tree(void **state) {
    (void)state;
    static const char *const names[] = {"inner/file", "plain", "link", "out", "up", "fifo"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unlinkat(root, names[i], 0);
    }
    unlinkat(root, "inner", AT_REMOVEDIR);
    close(root);
    return rmdir(folder);
}

static uint64_t offloads(void) {
    wharf_counters counters = {.size = sizeof counters};
    assert_int_equal(wharf_stats(&counters), 0);
    return counters.offloads;
}

static void finds_what_lies_beneath_and_nothing_else(void **state) {
    (void)state;
    const struct tree tree = tree_of(TREE_LINKS_INSIDE);
    static const struct {
        const char *path;
        int accepted; /* 1: yes; 0: no; -1: only where the kernel watches over links */
    } cases[] = {{"plain", 1}, {"inner/file", 1},    {"inner", 1},  {"", 1},
                 {"link", -1}, {"out", 0},           {"up", 0},     {"fifo", 0},
                 {"../x", 0},  {"inner/../../x", 0}, {"absent", 0}, {"plain/file", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stat stat;
        int fd = tree_open(&tree, cases[i].path, &stat);
        bool accepted = cases[i].accepted > 0 || (cases[i].accepted < 0 && !sched_fallbacks());
        assert_int_equal(fd >= 0, accepted);
        if (fd >= 0) {
            close(fd);
        }
    }
    assert_int_equal(tree_open_path("/nonexistent/x"), -ENOENT);
    int fd = tree_open_path("/etc/passwd");
    assert_true(fd >= 0);
    close(fd);
}

static void links_lead_where_the_policy_lets_them(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool none, all;
    } cases[] = {{"plain", true, true}, {"link", false, true}, {"out", false, true}, {"fifo", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int all = 0; all < 2; all++) {
            struct tree tree = tree_of(all != 0 ? TREE_LINKS_ALL : TREE_LINKS_NONE);
            bool accepted = all != 0 ? cases[i].all : cases[i].none;
            struct stat stat;
            int fd = tree_open(&tree, cases[i].path, &stat);
            assert_int_equal(fd >= 0, accepted);
            int again = tree_open_waiting(&tree, cases[i].path, &stat);
            assert_int_equal(again >= 0, accepted);
            if (accepted) {
                close(fd);
                close(again);
            }
        }
    }
}

static void what_is_in_a_cache_needs_no_thread(void **state) {
    (void)state;
    const struct tree tree = tree_of(TREE_LINKS_INSIDE);
    enum { TRIES = 100 };
    int without = 0;
    for (int i = 0; i < TRIES; i++) {
        struct stat stat;
        char text[16] = "";
        uint64_t before = offloads();
        int fd = tree_open(&tree, "plain", &stat);
        assert_true(fd >= 0);
        assert_int_equal(fd_pread(fd, text, sizeof text, 2), 3);
        assert_string_equal(text, "ain");
        assert_int_equal(fd_pread(fd, text, sizeof text, 5), 0);
        close(fd);
        without += offloads() == before ? 1 : 0;
    }
    /* The system may drop what it has cached at any time, but not every time. */
    assert_int_equal(without > 0, !sched_fallbacks());
}

static int open_descriptors(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* A job whose caller has gone closes what it opened, in its own time. */
static void a_look_up_that_was_cut_short_leaves_no_descriptor(void **state) {
    (void)state;
    const struct tree tree = tree_of(TREE_LINKS_INSIDE);
    struct stat stat;
    int fd = tree_open(&tree, "plain", &stat);
    close(fd);
    int before = open_descriptors();
    for (int i = 0; i < 200; i++) {
        wharf_scope scope;
        wharf_scope_open(&scope, NULL);
        wharf_scope_cancel(&scope);
        fd = tree_open(&tree, "plain", &stat);
        wharf_scope_close(&scope);
        if (fd >= 0) {
            close(fd);
        }
    }
    while (open_descriptors() != before) {
        assert_int_equal(wharf_sleep(1), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_lies_beneath_and_nothing_else),
        cmocka_unit_test(links_lead_where_the_policy_lets_them),
        cmocka_unit_test(what_is_in_a_cache_needs_no_thread),
        cmocka_unit_test(a_look_up_that_was_cut_short_leaves_no_descriptor),
    };
    return cmocka_run_group_tests(tests, make_tree, drop_tree);
}
