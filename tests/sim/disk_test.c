/* Files on the disks of simulated hosts: as on any disk, slow and failing ones, and what a crash leaves. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wharf/sim.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND      INT64_C(1000000000)

static int write_all(const char *path, const char *text, bool synced) {
    wharf_file file = wharf_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t rc = wharf_failed(file) ? wharf_error(file) : wharf_file_write(file, text, strlen(text));
    rc = rc >= 0 && synced ? wharf_fsync(file) : rc;
    int closed = wharf_failed(file) ? 0 : wharf_file_close(file);
    return rc < 0 ? (int)rc : closed;
}

/* The file's text in a static buffer, or "" without it. */
static const char *text_of(const char *path) {
    static char text[64];
    memset(text, 0, sizeof(text));
    wharf_file file = wharf_open(path, O_RDONLY, 0);
    if (!wharf_failed(file)) {
        (void)!wharf_file_read(file, text, sizeof(text) - 1);
        (void)wharf_file_close(file);
    }
    return text;
}

static int inject(wharf_sim_fault fault) {
    fault.at_ns = wharf_sim_elapsed_ns();
    return wharf_sim_inject(&fault);
}

/* ---- as on any disk ---- */

static int paths(void *arg) {
    (void)arg;
    struct stat status;
    EXPECT(write_all("/a", "hello", false) == 0);
    EXPECT(strcmp(text_of("//./x/../a"), "hello") == 0);
    EXPECT(strcmp(text_of("a"), "hello") == 0);
    EXPECT(wharf_error(wharf_open("/none", O_RDONLY, 0)) == -ENOENT);
    EXPECT(wharf_error(wharf_open("/none/a", O_WRONLY | O_CREAT, 0600)) == -ENOENT);
    EXPECT(wharf_error(wharf_open("/a", O_WRONLY | O_CREAT | O_EXCL, 0600)) == -EEXIST);
    EXPECT(wharf_error(wharf_open("/tmp", O_WRONLY, 0)) == -EISDIR);
    EXPECT(wharf_error(wharf_open("/a", O_RDONLY | O_DIRECTORY, 0)) == -ENOTDIR);
    EXPECT(wharf_stat("/a", &status) == 0 && status.st_size == 5 && S_ISREG(status.st_mode));
    EXPECT((status.st_mode & 0777) == 0600);
    EXPECT(wharf_stat("/tmp", &status) == 0 && S_ISDIR(status.st_mode));
    EXPECT(wharf_mkdir("/d", 0700) == 0 && wharf_mkdir("/d", 0700) == -EEXIST);
    EXPECT(wharf_rename("/a", "/d/b") == 0 && strcmp(text_of("/d/b"), "hello") == 0);
    EXPECT(wharf_rename("/a", "/d/b") == -ENOENT);
    EXPECT(wharf_unlink("/d") == -EISDIR && wharf_unlink("/a") == -ENOENT);
    wharf_file file = wharf_open("/d/b", O_RDWR | O_APPEND, 0);
    EXPECT(wharf_unlink("/d/b") == 0);
    EXPECT(wharf_file_write(file, "!", 1) == 1); /* it lives as long as it is open */
    char bytes[8] = "";
    EXPECT(wharf_pread(file, bytes, sizeof(bytes), 0) == 6 && strcmp(bytes, "hello!") == 0);
    EXPECT(wharf_file_close(file) == 0);
    EXPECT(text_of("/d/b")[0] == '\0');
    return 0;
}

static void paths_lead_where_they_should(void **state) {
    (void)state;
    scenario_run_seeds(paths);
}

static int own_file(void *arg) {
    (void)arg;
    EXPECT(strcmp(text_of("/etc/app/settings"), "port 80") == 0);
    EXPECT(text_of("/local")[0] == '\0');
    return write_all("/result", "done", false);
}

static int two_disks(void *arg) {
    (void)arg;
    char bytes[8] = "";
    int result = -1;
    EXPECT(write_all("/local", "mine", false) == 0);
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "app", .program = own_file)) == 0);
    EXPECT(wharf_sim_put_file("app", "/etc/app/settings", "port 80", 7) == 0);
    EXPECT(wharf_sim_put_file("app", "/etc", "x", 1) == -EISDIR);
    EXPECT(wharf_sim_put_file("nobody", "/etc", "x", 1) == -ENOENT);
    EXPECT(wharf_sim_wait("app", &result) == 0 && result == 0);
    EXPECT(wharf_sim_get_file("app", "/result", bytes, sizeof(bytes)) == 4);
    EXPECT(memcmp(bytes, "done", 4) == 0);
    EXPECT(wharf_sim_get_file("app", "/other", bytes, sizeof(bytes)) == -ENOENT);
    return 0;
}

static void each_host_has_a_disk_of_its_own(void **state) {
    (void)state;
    scenario_run_seeds(two_disks);
    assert_int_equal(wharf_sim_put_file("local", "/a", "x", 1), -EINVAL);
}

/* ---- time and trouble ---- */

static int slowness(void *arg) {
    (void)arg;
    int64_t before = wharf_now_ns();
    EXPECT(write_all("/a", "hello", false) == 0);
    EXPECT(wharf_now_ns() - before == 3 * 100000); /* open, write, close */
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_SLOW_DISK, .amount = SECOND, .for_ns = 10 * SECOND}) ==
           0);
    before = wharf_now_ns();
    EXPECT(write_all("/a", "hallo", true) == 0);
    EXPECT(wharf_now_ns() - before >= 4 * SECOND);
    /* Who gives up does not undo what has begun. */
    wharf_file file = wharf_open("/a", O_WRONLY, 0);
    WHARF_WITHIN (500) {
        EXPECT(wharf_pwrite(file, "H", 1, 0) == -ETIMEDOUT);
    }
    (void)wharf_file_close(file);
    EXPECT(wharf_sleep(10000) == 0);
    EXPECT(strcmp(text_of("/a"), "Hallo") == 0);
    return 0;
}

static int failures(void *arg) {
    (void)arg;
    char bytes[8];
    EXPECT(write_all("/a", "hello", true) == 0);
    wharf_file file = wharf_open("/a", O_RDWR, 0);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_FULL_DISK, .for_ns = SECOND}) == 0);
    EXPECT(wharf_pwrite(file, "x", 1, 0) == -ENOSPC);
    EXPECT(wharf_pread(file, bytes, sizeof(bytes), 0) == 5);
    EXPECT(write_all("/b", "x", false) == -ENOSPC);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_BAD_DISK, .for_ns = SECOND}) == 0);
    EXPECT(wharf_pread(file, bytes, sizeof(bytes), 0) == -EIO);
    EXPECT(wharf_fsync(file) == -EIO);
    EXPECT(wharf_sleep(2000) == 0);
    EXPECT(wharf_pwrite(file, "x", 1, 0) == 1 && wharf_file_close(file) == 0);
    EXPECT(strcmp(text_of("/a"), "xello") == 0);
    return 0;
}

static void disks_are_slow_full_and_bad(void **state) {
    (void)state;
    scenario_run_seeds(slowness);
    scenario_run_seeds(failures);
}

/* ---- crashes ---- */

static int keeper_starts;
static int keeper(void *arg) {
    (void)arg;
    keeper_starts++;
    if (keeper_starts == 1) {
        EXPECT(write_all("/safe", "safe", true) == 0);
        EXPECT(write_all("/unsafe", "unsafe", false) == 0);
        EXPECT(write_all("/old", "old", true) == 0);
        EXPECT(write_all("/old", "new", false) == 0);
    }
    (void)wharf_sleep(WHARF_OFF);
    /* Dying, it reaches the disk no more. */
    EXPECT(write_all("/safe", "late", true) < 0);
    return 0;
}

static unsigned outcomes;
static int crash(void *arg) {
    (void)arg;
    char safe[8] = "", unsafe[8] = "", old[8] = "";
    keeper_starts = 0;
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "keeper", .program = keeper)) == 0);
    EXPECT(wharf_sleep(1000) == 0);
    EXPECT(inject((wharf_sim_fault){.kind = WHARF_SIM_CRASH, .host = "keeper", .for_ns = SECOND}) == 0);
    EXPECT(wharf_sleep(2000) == 0);
    EXPECT(keeper_starts == 2);
    EXPECT(wharf_sim_get_file("keeper", "/safe", safe, sizeof(safe)) == 4 && strcmp(safe, "safe") == 0);
    ssize_t size = wharf_sim_get_file("keeper", "/unsafe", unsafe, sizeof(unsafe));
    EXPECT(size == -ENOENT || (size == 6 && strcmp(unsafe, "unsafe") == 0));
    EXPECT(wharf_sim_get_file("keeper", "/old", old, sizeof(old)) == 3);
    EXPECT(strcmp(old, "old") == 0 || strcmp(old, "new") == 0);
    outcomes |= 1U << ((size < 0 ? 1 : 0) + (old[0] == 'o' ? 2 : 0));
    return 0;
}

static void a_crash_keeps_what_was_synced(void **state) {
    (void)state;
    outcomes = 0;
    scenario_run_seeds(crash);
    assert_int_equal(outcomes, 15); /* each of the four */
}

/* ---- whatever fails ---- */

static int struck(void *arg) {
    (void)arg;
    (void)wharf_mkdir("/d", 0700);
    (void)write_all("/d/a", "hello", true);
    (void)wharf_rename("/d/a", "/b");
    (void)text_of("/b");
    (void)wharf_unlink("/b");
    return 0;
}

static void struck_anywhere_nothing_is_left(void **state) {
    (void)state;
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, NULL, struck) > 10);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, NULL, struck) > 8);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, NULL, struck) > 8);
}

static int real_file(void *arg) {
    const char *path = *(const char **)arg;
    EXPECT(write_all(path, "real", true) == 0);
    EXPECT(strcmp(text_of(path), "real") == 0);
    return 0;
}

static void the_machine_s_files_may_be_meant(void **state) {
    (void)state;
    char path[512];
    const char *base = getenv("TMPDIR"), *at = path;
    snprintf(path, sizeof(path), "%s/wharf-disk-test-XXXXXX", base != NULL ? base : P_tmpdir);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(wharf_sim_run(WHARF_OPTIONS(wharf_sim_options, .real_files = 1), real_file, &at), 0);
    char bytes[8] = "";
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 4);
    assert_string_equal(bytes, "real");
    close(fd);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_where_they_should),    cmocka_unit_test(each_host_has_a_disk_of_its_own),
        cmocka_unit_test(disks_are_slow_full_and_bad),     cmocka_unit_test(a_crash_keeps_what_was_synced),
        cmocka_unit_test(struck_anywhere_nothing_is_left), cmocka_unit_test(the_machine_s_files_may_be_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
