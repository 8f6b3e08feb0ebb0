/* Child processes. Each has a task that watches it, owned by the scope it was started in: that task ends the process when
 * the scope is cancelled, and takes its status the moment it ends, so that no zombie outlives anybody's interest. What
 * wharf_child_wait() waits for is that task.
 *
 * The end is seen on a descriptor: a pidfd, or, where there is none, a pipe that a thread closes which does nothing but wait for that one
 * process. SIGCHLD is left to the program. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failure.h"
#include "sched/file.h"
#include "sched/internal.h"

enum {
    GRACE_MS = 5000,
    GRACE_AT_END_MS = 4000, /* within what the end of a thread allows */
    KILLED_MS = 2000,       /* until a process that was killed is gone */
    FIRST_PRIVATE = 3,      /* descriptors from here on are not the child's */
    WATCHER_STACK = 64 * 1024,
    REAPER_STACK = 64 * 1024,
};

/* Result of the watching task: an exit status as it is, else one of these plus the signal. */
enum { CODE_KILLED = 0x100, CODE_LOST = 0x200 };

/* The argument of the watching task. */
struct child {
    pid_t pid;
    int64_t grace_ms;
    int64_t exit; /* handle of the descriptor that tells of its end */
    bool group, ended;
};

/* ---- watching ---- */

static int child_signal(const struct child *child, int signal) {
    if (child->ended) {
        return -ESRCH;
    }
    return kill(child->group ? -child->pid : child->pid, signal) < 0 ? -errno : 0;
}

/* Until it has ended, or the reason for not waiting longer. */
static int child_await(const struct child *child) {
    int rc = 0;
    struct io *io = io_find(child->exit, &rc);
    if (io == NULL) {
        return rc;
    }
    rc = io_wait(io, IO_READ);
    return rc < 0 ? rc : 0;
}

static int child_await_within(const struct child *child, int64_t ms) {
    int rc = 0;
    WHARF_SHIELD (ms) {
        rc = child_await(child);
    }
    return rc;
}

/* The caller is being cancelled, so everything here is shielded. */
static void child_end(const struct child *child) {
    bool at_end = sched_current()->background.cancelled;
    int64_t grace = at_end && child->grace_ms > GRACE_AT_END_MS ? GRACE_AT_END_MS : child->grace_ms;
    (void)child_signal(child, SIGTERM);
    if (child_await_within(child, grace) == 0) {
        return;
    }
    (void)child_signal(child, SIGKILL);
    (void)child_await_within(child, KILLED_MS);
}

static int child_reap(pid_t pid) {
    siginfo_t info = {0};
    int rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0 ? -errno : 0;
    if (rc < 0 || info.si_pid != pid) {
        return CODE_LOST;
    }
    return info.si_code == CLD_EXITED ? info.si_status & 0xff : CODE_KILLED + info.si_status;
}

/* Never fails: that a program exits with 1 is no reason to cancel what runs beside it. */
static int child_watch(void *arg) {
    struct child *child = arg;
    if (child_await(child) < 0) {
        child_end(child);
    }
    int code = child_reap(child->pid);
    child->ended = true;
    int unused = 0;
    struct io *io = io_find(child->exit, &unused);
    if (io != NULL) {
        io_close(io, false);
    }
    return code;
}

/* ---- a descriptor that becomes readable with its end ---- */

struct reaper {
    pid_t pid;
    int fd;
};

/* Leaves the status where it is, so the number cannot be given to another process meanwhile. */
static void *reaper_thread(void *arg) {
    uint64_t packed = (uint64_t)(uintptr_t)arg;
    struct reaper reaper = {(pid_t)(packed >> 32), (int)(uint32_t)packed};
    siginfo_t info;
    int rc = 0;
    do {
        rc = waitid(P_PID, (id_t)reaper.pid, &info, WEXITED | WNOWAIT) < 0 ? -errno : 0;
    } while (rc == -EINTR);
    close(reaper.fd);
    return NULL;
}

/* The argument travels in the pointer: the thread may outlive everything that could free it. */
static int reaper_start(pid_t pid, int fd) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, REAPER_STACK);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    uintptr_t packed = (uintptr_t)(uint32_t)pid << 32 | (uint32_t)fd;
    int rc = pthread_create(&thread, &attributes, reaper_thread, (void *)packed);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -rc;
}

static int exit_by_thread(pid_t pid) {
    int ends[2];
    int rc = pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
    if (rc < 0) {
        return rc;
    }
    rc = reaper_start(pid, ends[1]);
    if (rc < 0) {
        close(ends[0]);
        close(ends[1]);
        return rc;
    }
    return ends[0];
}

static int exit_descriptor(pid_t pid) {
    if (!sched_fallbacks()) {
        int fd = pidfd_open(pid, 0);
        int rc = fd < 0 ? -errno : 0;
        if (rc == 0 || rc == -EMFILE || rc == -ENFILE) {
            return rc == 0 ? fd : rc;
        }
    }
    return exit_by_thread(pid);
}

static int exit_watch(pid_t pid, int64_t *ret_id) {
    int fd = exit_descriptor(pid);
    if (fd < 0) {
        return fd;
    }
    struct io *io = NULL;
    int rc = io_open(fd, 0, &io);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    io->shared_fd = true;
    *ret_id = io_id(io);
    return 0;
}

/* ---- the standard streams ---- */

enum { STREAMS = 3, MERGED = -2 };

struct streams {
    int theirs[STREAMS]; /* -1: inherited; MERGED */
    int ours[STREAMS];   /* -1: none */
};

static void descriptor_close(int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static void streams_close(struct streams *streams) {
    for (int i = 0; i < STREAMS; i++) {
        descriptor_close(&streams->theirs[i]);
        descriptor_close(&streams->ours[i]);
    }
}

/* A copy out of the way of the three numbers that are about to be taken. */
static int descriptor_copy(int fd) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE);
    return copy < 0 ? -errno : copy;
}

static int stream_open_null(int *ret_theirs) {
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int rc = fd < 0 ? -errno : descriptor_copy(fd);
    descriptor_close(&fd);
    *ret_theirs = rc < 0 ? -1 : rc;
    return rc < 0 ? rc : 0;
}

/* Only this side's end does not block: the two ends of a pipe are separate open files. */
static int stream_open_pipe(int number, int *ret_theirs, int *ret_ours) {
    int ends[2];
    int rc = pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
    if (rc < 0) {
        return rc;
    }
    int theirs = descriptor_copy(number == 0 ? ends[0] : ends[1]);
    int ours = descriptor_copy(number == 0 ? ends[1] : ends[0]);
    descriptor_close(&ends[0]);
    descriptor_close(&ends[1]);
    rc = theirs < 0 ? theirs : (ours < 0 ? ours : 0);
    if (rc == 0 && fcntl(ours, F_SETFL, O_NONBLOCK) < 0) {
        rc = -errno;
    }
    if (rc < 0) {
        descriptor_close(&theirs);
        descriptor_close(&ours);
        return rc;
    }
    *ret_theirs = theirs;
    *ret_ours = ours;
    return 0;
}

static int stream_open(struct streams *streams, int number, int choice) {
    switch (choice) {
    case WHARF_INHERIT: return 0;
    case WHARF_NULL: return stream_open_null(&streams->theirs[number]);
    case WHARF_PIPE: return stream_open_pipe(number, &streams->theirs[number], &streams->ours[number]);
    case WHARF_MERGE: streams->theirs[number] = MERGED; return number == 2 ? 0 : -EINVAL;
    default: break;
    }
    int copy = choice > 0 ? descriptor_copy(choice - 1) : -EINVAL;
    streams->theirs[number] = copy < 0 ? -1 : copy;
    return copy < 0 ? copy : 0;
}

static int streams_open(struct streams *streams, const wharf_child_options *options) {
    *streams = (struct streams){{-1, -1, -1}, {-1, -1, -1}};
    const int choices[STREAMS] = {options->input, options->output, options->errors};
    for (int i = 0; i < STREAMS; i++) {
        int rc = stream_open(streams, i, choices[i]);
        if (rc < 0) {
            streams_close(streams);
            return rc;
        }
    }
    return 0;
}

/* ---- starting ---- */

/* posix_spawn's functions return an errno, and all fail for want of memory alone. */
static int actions_fill(posix_spawn_file_actions_t *actions, const struct streams *streams,
                        const char *directory) {
    int error = 0;
    for (int i = 0; i < STREAMS && error == 0; i++) {
        int theirs = streams->theirs[i];
        if (theirs != -1) {
            error = posix_spawn_file_actions_adddup2(actions, theirs == MERGED ? STDOUT_FILENO : theirs, i);
        }
    }
    if (error == 0 && directory != NULL) {
        error = posix_spawn_file_actions_addchdir_np(actions, directory);
    }
    return error != 0 ? error : posix_spawn_file_actions_addclosefrom_np(actions, FIRST_PRIVATE);
}

static int attributes_fill(posix_spawnattr_t *attributes, bool group) {
    sigset_t mask, defaults;
    sched_signal_mask_before(&mask);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    int error = posix_spawnattr_setflags(attributes, (short)(flags | (group ? POSIX_SPAWN_SETPGROUP : 0)));
    error = error == 0 ? posix_spawnattr_setsigmask(attributes, &mask) : error;
    return error == 0 ? posix_spawnattr_setsigdefault(attributes, &defaults) : error;
}

static int process_start(const wharf_child_options *options, const struct streams *streams, pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return -error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    error = actions_fill(&actions, streams, options->directory);
    error = error == 0 ? attributes_fill(&attributes, options->group) : error;
    if (error == 0) {
        const char *const *environment = options->env != NULL ? options->env : (const char *const *)environ;
        error = posix_spawnp(ret_pid, options->argv[0], &actions, &attributes,
                             (char *const *)(uintptr_t)options->argv, (char *const *)(uintptr_t)environment);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

/* For a process that nobody can watch. */
static void process_discard(pid_t pid) {
    (void)kill(pid, SIGKILL);
    int rc = 0;
    do {
        rc = waitpid(pid, NULL, 0) < 0 ? -errno : 0;
    } while (rc == -EINTR);
}

/* The task that watches it; ended again when there can be none. */
static int watch_start(wharf_scope *scope, struct child *child, int64_t *ret_id) {
    int rc = exit_watch(child->pid, &child->exit);
    if (rc < 0) {
        process_discard(child->pid);
        return rc;
    }
    const wharf_task_options *options = WHARF_OPTIONS(wharf_task_options, .name = "child process",
                                                      .stack_bytes = WATCHER_STACK);
    wharf_task task = wharf_spawn(scope, child_watch, child, sizeof *child, options);
    if (wharf_failed(task)) {
        process_discard(child->pid);
        int unused = 0;
        io_close(io_find(child->exit, &unused), false);
        return wharf_error(task);
    }
    *ret_id = task.id;
    if (debug_is_on(&debug_switches.sites)) {
        int unused = 0;
        const struct task *watch = task_find(task, &unused);
        site_record(watch->sched, SITE_CHILD, watch->join->slot);
    }
    return 0;
}

pid_t child_of_task(const struct task *task) {
    return task->fn == child_watch ? ((const struct child *)task->arg)->pid : 0;
}

static int start_check(const struct scope *scope, const wharf_child_options *options) {
    if (options->argv == NULL || options->argv[0] == NULL || options->grace_ms < 0) {
        return fail(-EINVAL, "start", NULL, "no program, or a grace below zero");
    }
    if (sched_current() == NULL) {
        return sched_missing();
    }
    if (sched_is_simulated()) {
        return fail(-EOPNOTSUPP, "start", options->argv[0], "a simulation has no processes");
    }
    if (scope != NULL && scope->cancelled) {
        return -ECANCELED;
    }
    return wharf_check();
}

/* This side's ends of the pipes. */
static int pipes_adopt(struct streams *streams, wharf_child *child) {
    wharf_file *files[STREAMS] = {&child->input, &child->output, &child->errors};
    for (int i = 0; i < STREAMS; i++) {
        if (streams->ours[i] < 0) {
            continue;
        }
        *files[i] = file_adopt(streams->ours[i], true, i == 0);
        streams->ours[i] = -1;
        if (wharf_failed(*files[i])) {
            return wharf_error(*files[i]);
        }
    }
    return 0;
}

static wharf_child child_failed(wharf_child child, int code, const char *program) {
    (void)wharf_file_close(child.input);
    (void)wharf_file_close(child.output);
    (void)wharf_file_close(child.errors);
    (void)fail(code, "start", program, NULL);
    return (wharf_child){code, -1, {code}, {code}, {code}};
}

wharf_child wharf_child_start(wharf_scope *scope, const wharf_child_options *given) {
    wharf_child result = {-EINVAL, -1, {-EBADF}, {-EBADF}, {-EBADF}};
    wharf_child_options options = {0};
    if (given != NULL) {
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    }
    int rc = start_check(scope_of(scope), &options);
    if (rc < 0) {
        return (wharf_child){rc, -1, {rc}, {rc}, {rc}};
    }
    struct streams streams;
    rc = streams_open(&streams, &options);
    if (rc < 0) {
        return child_failed(result, rc, options.argv[0]);
    }
    struct child child = {.group = options.group};
    child.grace_ms = options.grace_ms != 0 ? options.grace_ms : GRACE_MS;
    rc = pipes_adopt(&streams, &result);
    rc = rc == 0 ? process_start(&options, &streams, &child.pid) : rc;
    streams_close(&streams);
    rc = rc == 0 ? watch_start(scope, &child, &result.id) : rc;
    if (rc < 0) {
        return child_failed(result, rc, options.argv[0]);
    }
    result.pid = child.pid;
    return result;
}

/* ---- waiting ---- */

static int code_split(int code, int *ret_signal) {
    if (code >= CODE_LOST) {
        return fail(-ECHILD, "wait", NULL, "the status of the process was taken by somebody else");
    }
    int signal = code >= CODE_KILLED ? code - CODE_KILLED : 0;
    if (ret_signal != NULL) {
        *ret_signal = signal;
    }
    return signal != 0 ? 128 + signal : code;
}

int wharf_child_wait(wharf_child child, int *ret_signal) {
    wharf_task task = {child.id};
    int code = 0;
    int rc = wharf_join(task, &code);
    if (rc == -ECANCELED || rc == -ETIMEDOUT) {
        (void)wharf_cancel(task);
        WHARF_SHIELD (INT32_MAX) { /* its grace and a little more */
            (void)wharf_join(task, NULL);
        }
        return rc;
    }
    return rc < 0 ? rc : code_split(code, ret_signal);
}

int wharf_child_kill(wharf_child child, int signal) {
    int rc = 0;
    const struct task *task = task_find((wharf_task){child.id}, &rc);
    if (task == NULL) {
        return rc;
    }
    return task->fn == child_watch ? child_signal(task->arg, signal) : -ESRCH;
}
