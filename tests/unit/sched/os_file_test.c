/* Files: bytes and positions, errors, and that neither a slow disk nor a cancelled call does harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/task.h"

static char folder[256];

/* In the folder of this run; good until the next but three calls. */
static const char *in_folder(const char *name) {
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/wharf-file-test-XXXXXX", base != NULL ? base : P_tmpdir);
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    DIR *dir = opendir(folder);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] != '.') {
            (void)remove(in_folder(entry->d_name));
        }
    }
    closedir(dir);
    return rmdir(folder);
}

static int open_descriptors(void) {
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static wharf_file open_new(const char *name) {
    wharf_file file = wharf_open(in_folder(name), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(wharf_error(file), 0);
    return file;
}

/* ---- bytes ---- */

static void bytes_come_back(void **state) {
    (void)state;
    wharf_file file = open_new("bytes");
    char text[32] = "";
    assert_int_equal(wharf_file_write(file, "hello ", 6), 6);
    assert_int_equal(wharf_file_write(file, "world", 5), 5);
    assert_int_equal(wharf_pwrite(file, "W", 1, 6), 1);
    assert_int_equal(wharf_pread(file, text, sizeof text, 0), 11);
    assert_string_equal(text, "hello World");
    assert_int_equal(wharf_pread(file, text, 5, 6), 5);
    assert_int_equal(wharf_pread(file, text, 5, 11), 0);
    assert_int_equal(wharf_pread(file, text, 5, 1000), 0);
    assert_int_equal(wharf_file_read(file, text, 5), 0); /* its position is past what it wrote */
    assert_int_equal(wharf_truncate(file, 5), 0);
    assert_int_equal(wharf_pread(file, text, sizeof text, 0), 5);
    assert_int_equal(wharf_fsync(file), 0);
    assert_int_equal(fcntl(wharf_file_fd(file), F_GETFD), FD_CLOEXEC);
    assert_int_equal(wharf_file_close(file), 0);
    wharf_file again = wharf_open(in_folder("bytes"), O_WRONLY | O_APPEND, 0);
    assert_int_equal(wharf_file_write(again, "!", 1), 1);
    assert_int_equal(wharf_file_close(again), 0);
    file = wharf_open(in_folder("bytes"), O_RDONLY, 0);
    memset(text, 0, sizeof text);
    assert_int_equal(wharf_file_read(file, text, 2), 2);
    assert_int_equal(wharf_file_read(file, text + 2, sizeof text - 2), 4);
    assert_string_equal(text, "hello!");
    assert_int_equal(wharf_file_close(file), 0);
}

enum { LONG = 3 * 1024 * 1024 + 17 };
static char written[LONG], got[LONG];

static void long_files_travel_in_pieces(void **state) {
    (void)state;
    for (size_t i = 0; i < LONG; i++) {
        written[i] = (char)(i * 2654435761u >> 13);
    }
    wharf_file file = open_new("long");
    assert_int_equal(wharf_file_write(file, written, LONG), LONG);
    assert_int_equal(wharf_fsync(file), 0);
    for (int cached = 0; cached < 2; cached++) {
        /* The first time what the disk must give, the second time what memory has. */
        posix_fadvise(wharf_file_fd(file), 0, 0, cached == 0 ? POSIX_FADV_DONTNEED : POSIX_FADV_WILLNEED);
        memset(got, 0, sizeof got);
        assert_int_equal(wharf_pread(file, got, LONG, 0), LONG);
        assert_true(memcmp(written, got, LONG) == 0);
    }
    assert_int_equal(wharf_pread(file, got, LONG, LONG - 5), 5);
    assert_int_equal(wharf_file_close(file), 0);
}

/* ---- errors ---- */

static void what_is_wrong_is_said(void **state) {
    (void)state;
    char byte = 0;
    wharf_file missing = wharf_open(in_folder("missing"), O_RDONLY, 0);
    assert_int_equal(wharf_error(missing), -ENOENT);
    assert_non_null(strstr(wharf_why(), "missing"));
    assert_int_equal(wharf_pread(missing, &byte, 1, 0), -ENOENT);
    assert_int_equal(wharf_file_close(missing), -ENOENT);
    assert_int_equal(wharf_open(NULL, O_RDONLY, 0).id, -EINVAL);
    static char name[5000];
    memset(name, 'x', sizeof name - 1);
    assert_int_equal(wharf_open(name, O_RDONLY, 0).id, -ENAMETOOLONG);

    wharf_file dir = wharf_open(folder, O_RDONLY | O_DIRECTORY, 0);
    assert_int_equal(wharf_pread(dir, &byte, 1, 0), -EISDIR);
    assert_int_equal(wharf_fsync(dir), 0);
    assert_int_equal(wharf_file_close(dir), 0);

    wharf_file file = open_new("plain");
    assert_int_equal(wharf_pread(file, &byte, 1, -1), -EINVAL);
    assert_int_equal(wharf_pwrite(file, &byte, 2, INT64_MAX), -EINVAL);
    assert_int_equal(wharf_truncate(file, -1), -EINVAL);
    assert_int_equal(wharf_file_close(file), 0);
    assert_int_equal(wharf_file_close(file), -EBADF);
    assert_int_equal(wharf_pread(file, &byte, 1, 0), -EBADF);
    assert_int_equal(wharf_file_write(file, &byte, 1), -EBADF);
    assert_int_equal(wharf_file_fd(file), -EBADF);
    assert_int_equal(wharf_fsync((wharf_file){0}), -EBADF);

    wharf_file reader = wharf_open(in_folder("plain"), O_RDONLY, 0);
    assert_int_equal(wharf_pwrite(reader, "x", 1, 0), -EBADF);
    assert_int_equal(wharf_file_close(reader), 0);
}

static void *use_elsewhere(void *arg) {
    char byte = 0;
    return (void *)(intptr_t)wharf_pread(*(wharf_file *)arg, &byte, 1, 0);
}

static void a_file_belongs_to_its_core(void **state) {
    (void)state;
    wharf_file file = open_new("core");
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, use_elsewhere, &file), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, -EXDEV);
    assert_int_equal(wharf_file_close(file), 0);
}

/* ---- paths ---- */

static void paths_are_made_moved_and_removed(void **state) {
    (void)state;
    struct stat status;
    assert_int_equal(wharf_mkdir(in_folder("sub"), 0700), 0);
    assert_int_equal(wharf_mkdir(in_folder("sub"), 0700), -EEXIST);
    assert_int_equal(wharf_stat(in_folder("sub"), &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    (void)wharf_file_close(open_new("from"));
    assert_int_equal(wharf_rename(in_folder("from"), in_folder("to")), 0);
    assert_int_equal(wharf_stat(in_folder("from"), &status), -ENOENT);
    assert_int_equal(wharf_stat(in_folder("to"), &status), 0);
    assert_int_equal(wharf_unlink(in_folder("to")), 0);
    assert_int_equal(wharf_unlink(in_folder("to")), -ENOENT);
    assert_non_null(strstr(wharf_why(), "unlink"));
    assert_int_equal(wharf_rename(in_folder("to"), NULL), -EINVAL);
    assert_int_equal(wharf_stat(NULL, &status), -EINVAL);
}

static void pipes_and_devices_open_without_their_other_side(void **state) {
    (void)state;
    char text[8] = "";
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    wharf_file reader = wharf_open(in_folder("fifo"), O_RDONLY, 0);
    wharf_file writer = wharf_open(in_folder("fifo"), O_WRONLY, 0);
    ssize_t n = 0;
    WHARF_WITHIN (5) {
        n = wharf_file_read(reader, text, sizeof text);
    }
    assert_int_equal(n, -ETIMEDOUT);
    assert_int_equal(wharf_file_write(writer, "abc", 3), 3);
    assert_int_equal(wharf_file_read(reader, text, sizeof text), 3);
    assert_int_equal(wharf_file_close(writer), 0);
    assert_int_equal(wharf_file_read(reader, text, sizeof text), 0);
    assert_int_equal(wharf_file_close(reader), 0);
    wharf_file null = wharf_open("/dev/null", O_RDWR, 0);
    assert_int_equal(wharf_file_write(null, "abc", 3), 3);
    assert_int_equal(wharf_file_read(null, text, 1), 0);
    assert_int_equal(wharf_file_close(null), 0);
}

/* ---- when the pool is busy ---- */

enum { POOL_THREADS = 8 };
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int at_gate, past_gate;

static int pass_gate(void *arg) {
    (void)arg;
    atomic_fetch_add(&at_gate, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    atomic_fetch_add(&past_gate, 1);
    return 0;
}

static int offload_gate(void *arg) {
    (void)arg;
    return wharf_offload(pass_gate, NULL, 0);
}

/* Every thread of the pool is held up until the gate is opened. */
static void occupy_pool(void) {
    atomic_store(&at_gate, 0);
    atomic_store(&past_gate, 0);
    pthread_mutex_lock(&gate);
    for (int i = 0; i < POOL_THREADS; i++) {
        (void)wharf_spawn_detached(NULL, offload_gate, NULL, 0, NULL);
    }
    while (atomic_load(&at_gate) < POOL_THREADS) {
        (void)wharf_sleep(1);
    }
}

static void release_pool(void) {
    pthread_mutex_unlock(&gate);
    while (atomic_load(&past_gate) < POOL_THREADS) {
        (void)wharf_sleep(1);
    }
}

static bool is_cached(const char *path) {
    char byte = 0;
    struct iovec piece = {&byte, 1};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool can = preadv2(fd, &piece, 1, 0, RWF_NOWAIT) == 1;
    close(fd);
    return can;
}

static void what_memory_has_needs_no_thread(void **state) {
    (void)state;
    wharf_file file = open_new("cached");
    assert_int_equal(wharf_file_write(file, "abc", 3), 3);
    if (!is_cached(in_folder("cached")) || sched_fallbacks()) {
        (void)wharf_file_close(file);
        skip(); /* a file system that cannot tell */
    }
    occupy_pool();
    char text[4] = "";
    assert_int_equal(wharf_pread(file, text, 3, 0), 3);
    assert_string_equal(text, "abc");
    release_pool();
    assert_int_equal(wharf_file_close(file), 0);
}

static void a_cancelled_write_never_meets_another_file(void **state) {
    (void)state;
    int before = open_descriptors();
    wharf_file file = open_new("first");
    int number = wharf_file_fd(file);
    occupy_pool();
    ssize_t n = 0;
    char text[8] = "before";
    WHARF_WITHIN (2) {
        n = wharf_pwrite(file, "late", 4, 0);
        assert_int_equal(wharf_file_close(file), 0);
    }
    assert_int_equal(n, -ETIMEDOUT);
    /* The number stays taken while the pool has work for it, so this is another one. */
    int other = open(in_folder("second"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(other != number);
    release_pool();
    while (open_descriptors() > before + 1) {
        (void)wharf_sleep(1);
    }
    assert_int_equal(lseek(other, 0, SEEK_END), 0);
    close(other);
    wharf_file first = wharf_open(in_folder("first"), O_RDONLY, 0);
    assert_int_equal(wharf_pread(first, text, sizeof text, 0), 4);
    assert_memory_equal(text, "late", 4);
    assert_int_equal(wharf_file_close(first), 0);
    assert_int_equal(open_descriptors(), before);
}

static void a_cancelled_read_leaves_the_buffer_alone(void **state) {
    (void)state;
    wharf_file file = open_new("slow");
    assert_int_equal(wharf_file_write(file, "abc", 3), 3);
    assert_int_equal(wharf_fsync(file), 0);
    int fd = wharf_file_fd(file);
    occupy_pool();
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    char text[4] = "...";
    ssize_t n = 0;
    WHARF_WITHIN (2) {
        n = wharf_pread(file, text, 3, 0);
    }
    release_pool();
    assert_true(n == 3 || n == -ETIMEDOUT); /* where pages cannot be dropped it has them at once */
    assert_string_equal(text, n == 3 ? "abc" : "...");
    assert_int_equal(wharf_file_close(file), 0);
}

/* ---- without memory ---- */

static int use_files(void) {
    char text[4];
    wharf_file file = wharf_open(in_folder("memory"), O_RDWR | O_CREAT, 0600);
    if (wharf_failed(file)) {
        return wharf_error(file);
    }
    ssize_t n = wharf_pwrite(file, "abc", 3, 0);
    n = n == 3 ? wharf_pread(file, text, 3, 0) : n;
    int rc = n < 0 ? (int)n : wharf_fsync(file);
    int closed = wharf_file_close(file);
    struct stat status;
    rc = rc == 0 ? wharf_stat(in_folder("memory"), &status) : rc;
    return rc < 0 ? rc : closed;
}

static void without_memory_nothing_is_left(void **state) {
    (void)state;
    assert_int_equal(use_files(), 0);
    int64_t blocks = mem_live();
    int descriptors = open_descriptors();
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        mem_fail_at(n);
        int rc = use_files();
        failed = mem_did_fail();
        mem_fail_at(0);
        assert_true(rc == 0 || (failed && rc == -ENOMEM));
        assert_int_equal(open_descriptors(), descriptors);
        assert_int_equal(mem_live(), blocks);
    }
}

static void *leave_open(void *arg) {
    (void)arg;
    (void)wharf_open(in_folder("left"), O_RDWR | O_CREAT, 0600).id;
    return NULL;
}

static void a_thread_that_ends_closes_its_files(void **state) {
    (void)state;
    int64_t blocks = mem_live();
    int descriptors = open_descriptors();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, leave_open, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(open_descriptors(), descriptors);
    assert_int_equal(mem_live(), blocks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(long_files_travel_in_pieces),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_file_belongs_to_its_core),
        cmocka_unit_test(paths_are_made_moved_and_removed),
        cmocka_unit_test(pipes_and_devices_open_without_their_other_side),
        cmocka_unit_test(what_memory_has_needs_no_thread),
        cmocka_unit_test(a_cancelled_write_never_meets_another_file),
        cmocka_unit_test(a_cancelled_read_leaves_the_buffer_alone),
        cmocka_unit_test(without_memory_nothing_is_left),
        cmocka_unit_test(a_thread_that_ends_closes_its_files),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
