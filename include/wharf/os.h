/* wharf/os.h - the rest of the system without stopping the other tasks: blocking calls on a thread pool, files, plain
 * descriptors, signals, child processes, fork, other people's event loops.
 *
 *     wharf_child child = wharf_child_start(NULL, WHARF_OPTIONS(wharf_child_options, .argv = argv, .output = WHARF_PIPE));
 *     while ((n = wharf_file_read(child.output, line, sizeof line)) > 0) { ... }
 *     int status = wharf_child_wait(child, NULL);
 *
 *     wharf_signal_wait(WHARF_SIGNAL(SIGINT) | WHARF_SIGNAL(SIGTERM));   // the first Ctrl-C; a second one kills
 */
#ifndef WHARF_OS_H
#define WHARF_OS_H

#include <sys/stat.h>

#include "wharf/base.h"
#include "wharf/sync.h"
#include "wharf/task.h"

WHARF_BEGIN

/* ---- calls that block -------------------------------------------------------------------------------- */

/** Runs fn on a thread of the offload pool, for calls that block the whole thread (slow files, foreign
 * libraries). arg: `len` bytes (0 to 1 MiB) that are copied for fn and, when it returned >= 0, copied back.
 * fn runs without a scheduler: it must not call anything that suspends. Suspends. Returns what fn returned.
 * When the caller is cancelled, fn still runs to its end and its result is dropped. Errors: -ENOMEM, -EINVAL,
 * -EAGAIN (no thread could be started), -ECANCELED, -ETIMEDOUT, and fn's own. */
WHARF_API int wharf_offload(wharf_fn fn, void *arg, size_t len);

/* ---- descriptors of others --------------------------------------------------------------------------- */

/** What to wait for with wharf_wait_fd(). */
enum { WHARF_READABLE = 1, WHARF_WRITABLE = 2 };

/** Waits until a file descriptor that some other library owns is readable or writable (or has an error or
 * hang-up, which counts as both). Regular files are always ready. Suspends. Returns the ready events. Errors:
 * -EBADF, -EINVAL, -ENOMEM, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_wait_fd(int fd, int events);

/** Reads up to `size` bytes from a pipe, terminal or file, never setting O_NONBLOCK on it (which would leak
 * to whoever shares it, the parent shell for one). Suspends. Returns the bytes read, 0 at the end. Errors:
 * those of read(2), -ECANCELED, -ETIMEDOUT. */
WHARF_API ssize_t wharf_read(int fd, void *buffer, size_t size);

/** Writes all of `size` bytes likewise. Suspends. Returns `size`.
 *  Errors: those of write(2) (-EPIPE; never a SIGPIPE), -ECANCELED, -ETIMEDOUT. */
WHARF_API ssize_t wharf_write(int fd, const void *buffer, size_t size);

/** Reads pieces that end in a delimiter, lines above all, from a descriptor or a file:
 *
 *      char room[4096];
 *      wharf_reader input;
 *      wharf_str line;
 *      wharf_reader_init(&input, STDIN_FILENO, room, sizeof room);
 *      while ((rc = wharf_read_line(&input, &line)) > 0) { ... WHARF_STR_ARG(line) ... }
 *
 *  The storage and the buffer are the caller's, and there is nothing to end. It reads ahead: what it has buffered, calls on
 *  the descriptor itself do not see. For sockets there is wharf_recv_until(). */
typedef struct wharf_reader {
    void *reserved_[8];
} wharf_reader;

/** Begins reading a descriptor as wharf_read() does. size: the longest piece, delimiter included. Does not suspend. */
WHARF_API void wharf_reader_init(wharf_reader *reader, int fd, void *buffer, size_t size);

/** The next piece up to and including `delimiter` (a C string, at least 1 byte), and at the end what is left without
 *  one; it lies in the buffer until the next call. Suspends. Returns its length, 0 at the end. Errors: -EMSGSIZE (no
 *  delimiter within the buffer's size; nothing is lost), -EINVAL, those of wharf_read() or wharf_file_read(), after
 *  which it can be asked again. */
WHARF_API ssize_t wharf_read_until(wharf_reader *reader, const char *delimiter, wharf_str *ret_piece);

/** The next line without its end, "\n" or "\r\n"; the last one may lack it. Suspends. Returns 1, or 0 at the end.
 *  Errors: as wharf_read_until(). */
WHARF_API int wharf_read_line(wharf_reader *reader, wharf_str *ret_line);

/* ---- files ------------------------------------------------------------------------------------------- */

/** A file, or one end of a pipe, by value. Once closed, every copy is stale and gives -EBADF. Belongs to the core that
 * opened it. What a disk may take long for runs on the offload pool, with memory of its own: a call that is cancelled
 * leaves its buffer alone, though a write that was under way still happens. */
typedef struct wharf_file {
    int64_t id;
} wharf_file;

/** Opens a file. flags and mode: those of open(2); O_CLOEXEC is added. A FIFO or a device is opened without
 * waiting for its other side. Suspends. The caller owns the file. Errors (in the handle): those of open(2),
 * -ENOMEM, -EINVAL (no path), -ECANCELED, -ETIMEDOUT. */
WHARF_API WHARF_MUST_USE wharf_file wharf_open(const char *path, int flags, mode_t mode);

/** Reads `size` bytes from `offset` on. What the system has in memory is copied without a thread. Suspends. Returns
 *  how many: fewer only at the file's end, 0 when there is nothing past `offset`. Errors: those of pread(2) (-ESPIPE
 *  for a pipe), -EBADF, -EXDEV, -ENOMEM, -ECANCELED, -ETIMEDOUT. */
WHARF_API ssize_t wharf_pread(wharf_file file, void *buffer, size_t size, int64_t offset);

/** Writes all of `size` bytes from `offset` on (at the end with O_APPEND). Suspends. Returns `size`; after an error
 *  any part may have been written. Errors: those of pwrite(2), and as wharf_pread(). */
WHARF_API ssize_t wharf_pwrite(wharf_file file, const void *buffer, size_t size, int64_t offset);

/** Reads at the handle's own position and moves it; from a pipe, what there is. Suspends. Returns the bytes
 *  read, 0 at the end. Errors: as wharf_pread(). */
WHARF_API ssize_t wharf_file_read(wharf_file file, void *buffer, size_t size);

/** Writes all of `size` bytes at the handle's own position and moves it, or into a pipe. Suspends. Returns `size`.
 *  Errors: as wharf_pwrite(), and -EPIPE (never a SIGPIPE). */
WHARF_API ssize_t wharf_file_write(wharf_file file, const void *buffer, size_t size);

/** Begins reading pieces of a file, from the handle's own position, which moves ahead of what is given out. Does not
 *  suspend. */
WHARF_API void wharf_reader_init_file(wharf_reader *reader, wharf_file file, void *buffer, size_t size);

/** Waits until what was written is on the disk. Suspends. Errors: those of fsync(2), and as wharf_pread(). */
WHARF_API int wharf_fsync(wharf_file file);

/** Makes the file `size` bytes long. Suspends. Errors: those of ftruncate(2), and as wharf_pread(). */
WHARF_API int wharf_truncate(wharf_file file, int64_t size);

/** The descriptor behind a file, for calls that are missing here; it stays the file's. Does not suspend.
 *  Errors: -EBADF, -EXDEV. */
WHARF_API int wharf_file_fd(wharf_file file);

/** Closes the file; who reads or writes a pipe meanwhile fails with -ECANCELED, other calls under way go on. Suspends
 *  when the file was opened for writing. Closed it is in any case. Errors: -EBADF, -EXDEV, those of close(2). */
WHARF_API int wharf_file_close(wharf_file file);

/** stat(2), rename(2), unlink(2), mkdir(2) on the offload pool. Suspend. *ret_status is untouched on failure; after
 *  -ECANCELED and -ETIMEDOUT the others may still happen. Errors: those of the system's call, -EINVAL (no path),
 *  -ENOMEM, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_stat(const char *path, struct stat *ret_status);
WHARF_API int wharf_rename(const char *from, const char *to);
WHARF_API int wharf_unlink(const char *path);
WHARF_API int wharf_mkdir(const char *path, mode_t mode);

/* ---- signals ----------------------------------------------------------------------------------------- */

/** One signal of a set: WHARF_SIGNAL(SIGINT) | WHARF_SIGNAL(SIGTERM). */
#define WHARF_SIGNAL(number) (UINT64_C(1) << ((number)-1))

/** Waits for the next signal of a set. The default action is replaced while the call waits and comes back with its
 *  return: a program that waits for SIGINT once and then winds up ends at once on a second Ctrl-C. A signal that was
 *  ignored when the program was started (nohup) stays ignored. Suspends. Returns the signal's number. Errors: -EINVAL
 *  (an empty set, or one with SIGKILL, SIGSTOP, SIGPIPE or a fault like SIGSEGV), -EBUSY (the program handles one of
 *  them itself), -EAGAIN (too many waits), -ENOMEM, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_signal_wait(uint64_t set);

/** A channel of int from which the signals of a set are taken, from now until wharf_signal_close(). Signals of
 *  one number that arrive close together may be one; 64 are kept while nobody takes. Does not suspend.
 *  Errors (in the handle): as wharf_signal_wait(). */
WHARF_API WHARF_MUST_USE wharf_chan wharf_signal_open(uint64_t set);

/** Restores the default actions and frees the channel. Does not suspend. Errors: -EBADF (no open one of this core). */
WHARF_API int wharf_signal_close(wharf_chan signals);

/* ---- child processes --------------------------------------------------------------------------------- */

/** A standard stream of a child: this process's own, /dev/null, a pipe to this process, or a descriptor. */
#define WHARF_INHERIT 0
#define WHARF_NULL    (-1)
#define WHARF_PIPE    (-2)
/** For `errors`: wherever the output goes. */
#define WHARF_MERGE  (-3)
#define WHARF_FD(fd) ((fd) + 1)

/** How to start a child. Zero in every field but argv means the default. */
typedef struct wharf_child_options {
    size_t size;             /**< sizeof(wharf_child_options) */
    const char *const *argv; /**< argv[0] is looked up in PATH; ends in NULL */
    const char *const *env;  /**< "NAME=value" ..., ends in NULL; default: this process's */
    const char *directory;   /**< where it starts; default: here */
    int input, output,
        errors;       /**< WHARF_INHERIT (default), WHARF_NULL, WHARF_PIPE, WHARF_MERGE, WHARF_FD(n) */
    bool group;       /**< leads a process group of its own, and signals go to all of it */
    int64_t grace_ms; /**< between SIGTERM and SIGKILL; default 5000 */
} wharf_child_options;

/** A child process, by value. The pipes that were asked for are the caller's to close; the others are -EBADF. */
typedef struct wharf_child {
    int64_t id;
    pid_t pid;
    wharf_file input, output, errors;
} wharf_child;

/** Starts a program. scope: who owns it (NULL: the thread's background scope): the scope is not left before the child
 *  has ended, and when it is cancelled or past its deadline, the child gets SIGTERM and after its grace SIGKILL. It
 *  inherits the three standard streams and no other descriptor, the signal mask from before Wharf, and SIGPIPE as the
 *  default. No child stays a zombie, waited for or not. Holds the thread for the time of a vfork and exec; does not
 *  suspend.
 *  Errors (in the handle): those of execve(2) (-ENOENT, -EACCES ...), -EINVAL, -EMFILE, -ENOMEM, -EAGAIN, -ECANCELED,
 *  -EOPNOTSUPP (in a simulation). */
WHARF_API WHARF_MUST_USE wharf_child wharf_child_start(wharf_scope *scope,
                                                       const wharf_child_options *options);

/** Waits for a child's end. When the wait is cut short, the child is ended as above, and the call returns when it is.
 *  Suspends. Returns its exit status, 0 to 255, or 128 + the signal that killed it, which *ret_signal (may be NULL)
 *  gets, else 0. The handle is spent. Errors: -EINVAL (waited for before, or somebody else waits), -ESRCH (not the
 *  handle of a child), -EXDEV, -ECHILD (another part of the program took its status, or SIGCHLD is ignored),
 *  -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_child_wait(wharf_child child, int *ret_signal);

/** Sends a signal to a child. Does not suspend. Errors: -ESRCH (it has ended), -EINVAL, -EPERM, -EXDEV. */
WHARF_API int wharf_child_kill(wharf_child child, int signal);

/** Runs a program to its end, without input, its errors going where this process's go. Its output, at most `size`
 *  bytes, is put into `buffer`, *ret_len gets how many. Suspends. Returns its exit status as wharf_child_wait() does.
 *  Errors: -WHARF_ELIMIT (more output; the program was ended), and those of starting and waiting. */
WHARF_API int wharf_run_command(const char *const *argv, void *buffer, size_t size, size_t *ret_len);

/* ---- chance ------------------------------------------------------------------------------------------ */

/** Fills `buffer` with `size` random bytes of the kernel, good for keys and tokens. In a simulation they come from
 *  its seed: the same run, the same bytes. From any thread. Does not suspend, and never fails: without any source the
 *  process is aborted. */
WHARF_API void wharf_random(void *buffer, size_t size);

/* ---- fork -------------------------------------------------------------------------------------------- */

/** After fork() Wharf is dead in the child: every call fails with -EPERM, nothing runs at its exit, its SIGPIPE is as
 *  it was. This starts it afresh, the calling thread as its only task, on the stack it has: tasks, handles and
 *  settings of the parent's scheduler are gone, their descriptors closed here and untouched there. Not needed when
 *  the fork came before the first call, as in a program that becomes a daemon. A task's function that returns in the
 *  child ends the process with its result. Does not suspend. Errors: -EINVAL (not in such a child). */
WHARF_API int wharf_after_fork(void);

/* ---- inside somebody else's loop --------------------------------------------------------------------- */

/** A descriptor for another library's loop (poll, epoll, glib ...): readable when wharf_poll_run() has something to
 *  do. It stays Wharf's. Does not suspend. Errors: -EOPNOTSUPP (in a simulation), -EPERM, -ENOMEM, -EMFILE. */
WHARF_API int wharf_poll_fd(void);

/** Runs every task that is ready, for a millisecond or two at most, and returns. The caller is not blocked. Returns
 *  0. Errors: -ECANCELED, -ETIMEDOUT (the caller's scope), and as wharf_poll_fd(). */
WHARF_API int wharf_poll_run(void);

/** How long the loop may wait for the descriptor, in milliseconds, as poll(2) wants it: until the next timer, 0 when
 *  something is ready at once, -1 when the descriptor alone counts. Ask right before waiting, every time. Does not
 *  suspend. */
WHARF_API int wharf_poll_timeout(void);

/* ---- hooks ------------------------------------------------------------------------------------------- */

/** What a report of the library is about. */
typedef enum wharf_log_level {
    WHARF_LOG_CRASH = 1, /**< the process is about to die; the function runs in a signal handler */
    /** A bug in the program that uses the library: a deadlock, a lock never given back */
    WHARF_LOG_ERROR = 2,
    /** Something that somebody should look at: a task that keeps its core, clients that a server shakes hands with in vain */
    WHARF_LOG_WARNING = 3
} wharf_log_level;

/** Gets one report: lines of text without the last line's end, valid during the call. On any thread. Must not call
 * Wharf. */
typedef void (*wharf_log_fn)(wharf_log_level level, const char *text, size_t len, void *arg);

/** Sends the library's own reports to fn instead of standard error, on which nothing else is ever printed. NULL: back
 *  to standard error. For the whole process; set it before the first task. Does not suspend. */
WHARF_API void wharf_set_log(wharf_log_fn fn, void *arg);

/** Sets where the library's memory comes from, for the whole process and before its first other call. The functions
 *  are those of the C library in all but name, and may be called on any thread. Memory of the system's calls (stacks)
 *  and of the C library is not included. Does not suspend. Errors: -EBUSY (memory is in use), -EINVAL (one is
 *  missing). */
WHARF_API int wharf_set_allocator(void *(*allocate)(size_t), void *(*reallocate)(void *, size_t),
                                  void (*release)(void *));

WHARF_END

#endif
