/* Preloaded into the tests that run in virtual time: who asks the machine for the time, for chance or for a pause inside a
 * simulated task has made a run that no seed repeats, and is stopped with a message. The library itself interposes nothing.
 *
 *      LD_PRELOAD=build/tests/libsimguard.so build/tests/sim_hosts_test
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define GUARD_API __attribute__((visibility("default")))

enum { CLOCK_ALLOWED_FIRST = CLOCK_PROCESS_CPUTIME_ID, CLOCK_ALLOWED_LAST = CLOCK_THREAD_CPUTIME_ID };

static bool is_simulated(void) {
    static bool (*is_running)(void);
    if (is_running == NULL) {
        void *found = dlsym(RTLD_DEFAULT, "wharf_sim_is_running");
        memcpy(&is_running, &found, sizeof(found));
    }
    return is_running != NULL && is_running();
}

static void refuse(const char *call, const char *instead) {
    if (!is_simulated()) {
        return;
    }
    const char *const parts[] = {
        "wharf: ", call, "() in a simulated task: no seed repeats what it gives; use ", instead, "\n"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        ssize_t put = write(STDERR_FILENO, parts[i], strlen(parts[i]));
        (void)put;
    }
    abort();
}

static void *next_of(const char *call) {
    return dlsym(RTLD_NEXT, call);
}

/* ---- time ---- */

GUARD_API int clock_gettime(clockid_t clock, struct timespec *out) {
    /* How much work something is depends on the machine, and nobody plans by it. */
    if (clock < CLOCK_ALLOWED_FIRST || clock > CLOCK_ALLOWED_LAST) {
        refuse("clock_gettime", "wharf_now_ns()");
    }
    return (int)syscall(SYS_clock_gettime, clock, out);
}

GUARD_API int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    refuse("gettimeofday", "wharf_now_ns()");
    return (int)syscall(SYS_gettimeofday, out, zone);
}

GUARD_API time_t time(time_t *out) {
    refuse("time", "wharf_now_ns()");
    struct timespec now;
    (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

GUARD_API int nanosleep(const struct timespec *wanted, struct timespec *rest) {
    refuse("nanosleep", "wharf_sleep()");
    return (int)syscall(SYS_nanosleep, wanted, rest);
}

GUARD_API int usleep(useconds_t wanted) {
    refuse("usleep", "wharf_sleep()");
    int (*real)(useconds_t);
    void *found = next_of("usleep");
    memcpy(&real, &found, sizeof(found));
    return real(wanted);
}

GUARD_API unsigned sleep(unsigned seconds) {
    refuse("sleep", "wharf_sleep()");
    unsigned (*real)(unsigned);
    void *found = next_of("sleep");
    memcpy(&real, &found, sizeof(found));
    return real(seconds);
}

/* ---- chance ---- */

/* One byte without waiting is how the library tries out memory, and nobody's chance. */
GUARD_API ssize_t getrandom(void *out, size_t size, unsigned flags) {
    if (size != 1 || flags != GRND_NONBLOCK) {
        refuse("getrandom", "wharf_random()");
    }
    return syscall(SYS_getrandom, out, size, flags);
}

GUARD_API int getentropy(void *out, size_t size) {
    refuse("getentropy", "wharf_random()");
    return syscall(SYS_getrandom, out, size, 0) == (ssize_t)size ? 0 : -1;
}

GUARD_API int rand(void) {
    refuse("rand", "wharf_random()");
    int (*real)(void);
    void *found = next_of("rand");
    memcpy(&real, &found, sizeof(found));
    return real();
}
