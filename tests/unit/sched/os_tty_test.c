/* Terminals and standard streams: their flags are never touched, a stopped one holds up nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "wharf/os.h"
#include "wharf/task.h"

struct terminal {
    int master, slave;
};

static struct terminal terminal_open(void) {
    struct terminal terminal = {.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    assert_int_equal(grantpt(terminal.master), 0);
    assert_int_equal(unlockpt(terminal.master), 0);
    terminal.slave = open(ptsname(terminal.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal.slave >= 0);
    struct termios raw;
    assert_int_equal(tcgetattr(terminal.slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(terminal.slave, TCSANOW, &raw), 0);
    return terminal;
}

static void terminal_close(struct terminal terminal) {
    close(terminal.slave);
    close(terminal.master);
}

/* A program whose standard streams are this terminal: reads a line, writes it back, and is killed or exits. */
static void program(int slave, bool killed) {
    dup2(slave, 0);
    dup2(slave, 1);
    char line[16];
    ssize_t n = wharf_read(0, line, sizeof line);
    n = n > 0 ? wharf_write(1, line, (size_t)n) : -1;
    if (killed) {
        kill(getpid(), SIGKILL);
    }
    exit(n > 0 ? 0 : 1);
}

static void the_flags_are_the_same_afterwards(void **state) {
    (void)state;
    for (int killed = 0; killed < 2; killed++) {
        struct terminal terminal = terminal_open();
        int before = fcntl(terminal.slave, F_GETFL);
        fflush(NULL); /* else the child writes it, too, into the terminal */
        pid_t pid = fork();
        if (pid == 0) {
            program(terminal.slave, killed == 1);
        }
        char line[16] = "";
        assert_int_equal(write(terminal.master, "hello\n", 6), 6);
        for (size_t len = 0; len < 6;) {
            ssize_t n = read(terminal.master, line + len, 6 - len);
            assert_true(n > 0);
            len += (size_t)n;
        }
        assert_string_equal(line, "hello\n");
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(killed == 1 ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(fcntl(terminal.slave, F_GETFL), before);
        assert_int_equal(before & O_NONBLOCK, 0);
        terminal_close(terminal);
    }
}

static void what_is_typed_and_shown_passes(void **state) {
    (void)state;
    struct terminal terminal = terminal_open();
    char text[8] = "";
    ssize_t n = 0;
    WHARF_WITHIN (2) {
        n = wharf_read(terminal.slave, text, sizeof text);
    }
    assert_int_equal(n, -ETIMEDOUT);
    assert_int_equal(wharf_write(terminal.master, "abc", 3), 3);
    assert_int_equal(wharf_read(terminal.slave, text, sizeof text), 3);
    assert_int_equal(wharf_write(terminal.slave, "de", 2), 2);
    assert_int_equal(wharf_read(terminal.master, text, sizeof text), 2);
    assert_memory_equal(text, "dec", 3);
    terminal_close(terminal);
}

static int turns;

static int count_turns(void *arg) {
    (void)arg;
    while (wharf_sleep(1) == 0) {
        turns++;
    }
    return 0;
}

/* Nobody reads the other side, so it takes a part and no more. */
static void a_stopped_terminal_holds_up_nobody(void **state) {
    (void)state;
    struct terminal terminal = terminal_open();
    static char much[1 << 20];
    memset(much, 'x', sizeof much);
    turns = 0;
    wharf_task task = wharf_spawn(NULL, count_turns, NULL, 0, NULL);
    ssize_t n = 0;
    WHARF_WITHIN (50) {
        n = wharf_write(terminal.slave, much, sizeof much);
    }
    assert_int_equal(n, -ETIMEDOUT);
    assert_true(turns > 3);
    assert_int_equal(wharf_cancel(task), 0);
    assert_int_equal(wharf_join(task, NULL), 0);
    assert_int_equal(fcntl(terminal.slave, F_GETFL) & O_NONBLOCK, 0);
    terminal_close(terminal);
}

/* ---- files by their descriptor ---- */

static void files_keep_the_position_that_is_shared(void **state) {
    (void)state;
    int fd = fileno(tmpfile());
    assert_int_equal(write(fd, "one ", 4), 4);
    assert_int_equal(wharf_write(fd, "two ", 4), 4);
    assert_int_equal(write(fd, "three", 5), 5);
    assert_int_equal(lseek(fd, 4, SEEK_SET), 4);
    char text[16] = "";
    assert_int_equal(wharf_read(fd, text, 4), 4);
    assert_string_equal(text, "two ");
    assert_int_equal(read(fd, text, 5), 5);
    assert_int_equal(wharf_read(fd, text, 5), 0);
    static char much[1 << 20], back[1 << 20];
    memset(much, 'y', sizeof much);
    assert_int_equal(wharf_write(fd, much, sizeof much), sizeof much);
    assert_int_equal(pread(fd, back, sizeof back, 13), sizeof back);
    assert_true(memcmp(much, back, sizeof much) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_flags_are_the_same_afterwards), /* it forks before the first call */
        cmocka_unit_test(what_is_typed_and_shown_passes),
        cmocka_unit_test(a_stopped_terminal_holds_up_nobody),
        cmocka_unit_test(files_keep_the_position_that_is_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
