/* libcurl_inside URL... - another library's sockets on Wharf: libcurl fetches all URLs at once, and one task waits for each
 * of the descriptors that it names. Prints the status, length and URL of each.
 *
 * Shows: wharf_wait_fd() is all that a library with sockets of its own needs. libcurl itself never suspends; it is called from
 * tasks when there is something to do, and asks by two callbacks for descriptors and for a time.
 */
#include <curl/curl.h>
#include <stdio.h>

#include "wharf/os.h"
#include "wharf/task.h"

enum { DESCRIPTORS_MAX = 1024 };

static CURLM *multi;
static wharf_scope *scope;
static wharf_task watches[DESCRIPTORS_MAX], alarm_clock;
static int failed;

struct watch {
    curl_socket_t fd;
    int events;
};

/* Prints and forgets what has ended. */
static void reap(void) {
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(multi, &left); message != NULL;
         message = curl_multi_info_read(multi, &left)) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        long status = 0;
        curl_off_t len = 0;
        char *url = NULL;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &len);
        curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
        if (code == CURLE_OK) {
            printf("%ld %lld %s\n", status, (long long)len, url);
        } else {
            fprintf(stderr, "libcurl_inside: %s: %s\n", url, curl_easy_strerror(code));
            failed++;
        }
        curl_multi_remove_handle(multi, easy);
        curl_easy_cleanup(easy);
    }
}

static void act(curl_socket_t fd, int action) {
    int running = 0;
    curl_multi_socket_action(multi, fd, action, &running);
    reap();
}

static int watch_descriptor(void *arg) {
    struct watch watch = *(struct watch *)arg;
    for (;;) {
        int ready = wharf_wait_fd(watch.fd, watch.events);
        if (ready < 0) {
            return 0; /* cancelled: libcurl wants something else by now */
        }
        act(watch.fd, ((ready & WHARF_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
                          ((ready & WHARF_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0));
    }
}

static int ring(void *arg) {
    if (wharf_sleep(*(long *)arg) == 0) {
        act(CURL_SOCKET_TIMEOUT, 0);
    }
    return 0;
}

/* libcurl calls these two from inside curl_multi_socket_action(), and they do not suspend. */
static int descriptor_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *kept) {
    (void)easy;
    (void)arg;
    (void)kept;
    if (fd >= DESCRIPTORS_MAX) {
        return -1;
    }
    wharf_cancel(watches[fd]);
    if (what != CURL_POLL_REMOVE) {
        struct watch watch = {fd, 0};
        watch.events = ((what & CURL_POLL_IN) != 0 ? WHARF_READABLE : 0) |
                       ((what & CURL_POLL_OUT) != 0 ? WHARF_WRITABLE : 0);
        watches[fd] = wharf_spawn(scope, watch_descriptor, &watch, sizeof watch, NULL);
    }
    return 0;
}

static int time_wanted(CURLM *unused, long ms, void *arg) {
    (void)unused;
    (void)arg;
    wharf_cancel(alarm_clock);
    if (ms >= 0) {
        alarm_clock = wharf_spawn(scope, ring, &ms, sizeof ms, NULL);
    }
    return 0;
}

static size_t ignore_body(char *bytes, size_t size, size_t count, void *arg) {
    (void)bytes;
    (void)arg;
    return size * count;
}

int main(int argc, char **argv) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, descriptor_wanted);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, time_wanted);
    WHARF_SCOPE (tasks, NULL) {
        scope = tasks; /* the block ends when nothing is watched and no alarm is set */
        for (int i = 1; i < argc; i++) {
            CURL *easy = curl_easy_init();
            curl_easy_setopt(easy, CURLOPT_URL, argv[i]);
            curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore_body);
            curl_multi_add_handle(multi, easy);
        }
    }
    curl_multi_cleanup(multi);
    curl_global_cleanup();
    return failed > 0;
}
