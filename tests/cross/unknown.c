/* System calls that clang 14's MemorySanitizer does not know to write to their arguments. The linker puts these in their place, so
 * that the library need not say it at every call. */
#include <sanitizer/msan_interface.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/uio.h>

int __real_fstat64(int fd, struct stat *status);
int __wrap_fstat64(int fd, struct stat *status);
int __wrap_fstat64(int fd, struct stat *status) {
    int rc = __real_fstat64(fd, status);
    __msan_unpoison(status, rc == 0 ? sizeof(*status) : 0);
    return rc;
}

int __real_stat64(const char *path, struct stat *status);
int __wrap_stat64(const char *path, struct stat *status);
int __wrap_stat64(const char *path, struct stat *status) {
    int rc = __real_stat64(path, status);
    __msan_unpoison(status, rc == 0 ? sizeof(*status) : 0);
    return rc;
}

ssize_t __real_preadv64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags) {
    ssize_t rc = __real_preadv64v2(fd, pieces, count, offset, flags);
    size_t left = rc > 0 ? (size_t)rc : 0;
    for (int i = 0; i < count && left > 0; i++) {
        size_t len = pieces[i].iov_len < left ? pieces[i].iov_len : left;
        __msan_unpoison(pieces[i].iov_base, len);
        left -= len;
    }
    return rc;
}

int __real_epoll_pwait2(int fd, struct epoll_event *events, int max, const struct timespec *time,
                        const sigset_t *mask);
int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int max, const struct timespec *time,
                        const sigset_t *mask);
int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int max, const struct timespec *time,
                        const sigset_t *mask) {
    int rc = __real_epoll_pwait2(fd, events, max, time, mask);
    __msan_unpoison(events, rc > 0 ? (size_t)rc * sizeof(*events) : 0);
    return rc;
}
