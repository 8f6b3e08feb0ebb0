/* See child.h. */
#include "child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 60 };

static const char marker[] = "--scenario";

void child_main(int argc, char **argv, const struct child_scenario *scenarios, size_t count) {
    if (argc != 3 || strcmp(argv[1], marker) != 0) {
        return;
    }
    alarm(PATIENCE_SECONDS);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(scenarios[i].name, argv[2]) == 0) {
            exit(scenarios[i].run());
        }
    }
    fprintf(stderr, "no scenario %s\n", argv[2]);
    exit(99);
}

static void become(const char *scenario, const char *environment, int errors) {
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len < 0) {
        _exit(98);
    }
    path[len] = '\0';
    /* A shell that runs the tests in the background leaves these ignored, and what is ignored stays so. */
    static const int heeded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof heeded / sizeof *heeded; i++) {
        (void)sigaction(heeded[i], &by_default, NULL);
    }
    /* What it prints does not depend on how the library was built, nor on who runs the tests. */
    static const char *const switches[] = {"WHARF_EXIT_REPORT", "WHARF_STACK_REPORT", "WHARF_WATCHDOG",
                                           "WHARF_DUMP"};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        setenv(switches[i], "0", 1);
    }
    const char *equals = environment != NULL ? strchr(environment, '=') : NULL;
    if (equals != NULL) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(equals - environment), environment);
        setenv(name, equals + 1, 1);
    }
    dup2(errors, STDERR_FILENO);
    if (getenv("MESON_EXE_WRAPPER") != NULL) {
        /* Another processor's program, under an emulator. */
        static const char script[] = "exec $MESON_EXE_WRAPPER \"$0\" \"$@\"";
        execl("/bin/sh", "sh", "-c", script, path, marker, scenario, (char *)NULL);
    }
    execl(path, path, marker, scenario, (char *)NULL);
    _exit(97);
}

struct child_end child_run(const char *scenario, const char *environment) {
    struct child_end end = {.status = -1};
    int errors[2];
    if (pipe(errors) < 0) {
        return end;
    }
    pid_t child = fork();
    if (child == 0) {
        become(scenario, environment, errors[1]);
    }
    close(errors[1]);
    size_t len = 0;
    char rest[256];
    for (;;) {
        size_t room = sizeof end.errors - 1 - len;
        ssize_t n = read(errors[0], room > 0 ? end.errors + len : rest, room > 0 ? room : sizeof rest);
        if (n <= 0) {
            break;
        }
        len += room > 0 ? (size_t)n : 0;
    }
    end.errors[len] = '\0';
    close(errors[0]);
    if (child > 0) {
        waitpid(child, &end.status, 0);
    }
    return end;
}
