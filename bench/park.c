/* `tasks --park N`: parks N tasks with stacks of 64 KiB, guards and all, prints "parked N", and when its standard input ends
 * wakes them and prints what they cost,
 *
 *      bytes_per_task=.. page_table_bytes_per_task=.. mappings=.. spawn_ms=.. wake_ms=..
 *
 * bytes_per_task is the resident memory, page tables come on top. */
#include "park.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "arguments.h"
#include "wharf/os.h"
#include "wharf/task.h"

enum { STACK_BYTES = 64 * 1024 };

/* The number after `name` in /proc/self/status, in KiB; 0 when there is none. */
static int64_t status_kib(const char *name) {
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    int64_t kib = 0;
    while (file != NULL && kib == 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            char *digits = line + strcspn(line, "0123456789");
            digits[strspn(digits, "0123456789")] = '\0';
            (void)argument_number(digits, &kib);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

static int64_t mappings(void) {
    FILE *file = fopen("/proc/self/maps", "re");
    int64_t lines = 0;
    for (int c = file != NULL ? fgetc(file) : EOF; c != EOF; c = fgetc(file)) {
        lines += c == '\n' ? 1 : 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return lines;
}

static int64_t parked;

static int park(void *arg) {
    (void)arg;
    parked++;
    return wharf_sleep(WHARF_OFF) == -ECANCELED ? 0 : -EIO;
}

/* 0, or the error of the spawn that failed. */
static int spawn_all(wharf_scope *scope, int64_t count) {
    wharf_task_options options = {sizeof options, "parked", __FILE__, __LINE__, STACK_BYTES};
    for (int64_t i = 0; i < count; i++) {
        int rc = wharf_spawn_detached(scope, park, NULL, 0, &options);
        if (rc < 0) {
            return rc;
        }
        if (i % 1000 == 0) {
            wharf_yield();
        }
    }
    return wharf_yield();
}

static void wait_for_end_of_input(void) {
    char bytes[256];
    ssize_t n = 1;
    while (n > 0) {
        n = wharf_read(STDIN_FILENO, bytes, sizeof bytes);
    }
}

int park_tasks(int64_t count) {
    wharf_yield(); /* the scheduler itself is not counted */
    int64_t resident = status_kib("VmRSS:"), tables = status_kib("VmPTE:"), mapped = 0;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    int64_t begin = wharf_now_ns();
    int rc = spawn_all(&scope, count);
    int64_t spawned = wharf_now_ns();
    if (rc < 0) {
        fprintf(stderr, "tasks: parked %" PRId64 ", then: %s\n", parked, wharf_why());
    } else {
        resident = (status_kib("VmRSS:") - resident) * 1024;
        tables = (status_kib("VmPTE:") - tables) * 1024;
        mapped = mappings();
        printf("parked %" PRId64 "\n", parked);
        fflush(stdout);
        wait_for_end_of_input();
    }
    int64_t wake = wharf_now_ns();
    wharf_scope_cancel(&scope);
    wharf_scope_close(&scope);
    if (rc < 0) {
        return rc;
    }
    printf("bytes_per_task=%" PRId64 " page_table_bytes_per_task=%" PRId64 " mappings=%" PRId64,
           resident / count, tables / count, mapped);
    printf(" spawn_ms=%" PRId64 " wake_ms=%" PRId64 "\n", (spawned - begin) / 1000000,
           (wharf_now_ns() - wake) / 1000000);
    return parked == count ? 0 : -EIO;
}
