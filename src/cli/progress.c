/* A transfer counts as long once it has taken a second, or is announced with more than 4 MiB. The bar is
 * drawn ten times a second at most. */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "wharf/task.h"

static const int64_t second_ns = 1000000000;
static const int64_t redraw_ns = 100000000;
static const int64_t long_bytes = 4 << 20;
enum { LINE_MAX_COLUMNS = 100, BAR_MAX = 40 };

void progress_start(struct progress *progress, int64_t total, bool body_on_terminal) {
    *progress = (struct progress){
        .possible = !body_on_terminal && isatty(STDERR_FILENO) == 1,
        .total = total,
        .started_ns = wharf_now_ns(),
    };
}

/* 1536 -> "1.5 KiB" */
static void format_bytes(double bytes, char *out, size_t size) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, size, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static void format_left(double seconds, char *out, size_t size) {
    if (seconds > 359999) {
        out[0] = '\0';
        return;
    }
    int64_t whole = (int64_t)(seconds + 0.5);
    snprintf(out, size, "  %" PRId64 ":%02" PRId64 ":%02" PRId64 " left", whole / 3600, whole / 60 % 60,
             whole % 60);
}

void progress_format(const struct progress *progress, int64_t now_ns, int columns, char *out, int size) {
    double elapsed = (double)(now_ns - progress->started_ns) / (double)second_ns;
    double rate = elapsed > 0 ? (double)progress->done / elapsed : 0;
    char done[24], total[24], speed[24], left[48] = "";
    format_bytes((double)progress->done, done, sizeof done);
    format_bytes(rate, speed, sizeof speed);
    if (progress->total <= 0) {
        snprintf(out, (size_t)size, "%s  %s/s", done, speed);
        return;
    }
    format_bytes((double)progress->total, total, sizeof total);
    if (rate > 0) {
        format_left((double)(progress->total - progress->done) / rate, left, sizeof left);
    }
    double share = (double)progress->done / (double)progress->total;
    share = share > 1 ? 1 : share;
    char facts[128];
    snprintf(facts, sizeof facts, "%s of %s  %s/s%s", done, total, speed, left);
    int room = columns - 11 - (int)strlen(facts);
    room = room < 0 ? 0 : room > BAR_MAX ? BAR_MAX : room;
    char bar[BAR_MAX + 1];
    memset(bar, ' ', (size_t)room);
    memset(bar, '#', (size_t)(share * room));
    bar[room] = '\0';
    snprintf(out, (size_t)size, "%3d %% [%s] %s", (int)(share * 100), bar, facts);
}

static int terminal_columns(void) {
    struct winsize window;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) < 0 || window.ws_col == 0) {
        return 80;
    }
    return window.ws_col < LINE_MAX_COLUMNS ? window.ws_col : LINE_MAX_COLUMNS;
}

void progress_add(struct progress *progress, int64_t bytes) {
    progress->done += bytes;
    if (!progress->possible) {
        return;
    }
    int64_t now = wharf_now_ns();
    bool is_long = progress->total >= long_bytes || now - progress->started_ns >= second_ns;
    if (!is_long || now - progress->drawn_ns < redraw_ns) {
        return;
    }
    int columns = terminal_columns();
    char line[256];
    progress_format(progress, now, columns - 1, line, sizeof line);
    fprintf(stderr, "\r%.*s\033[K", columns - 1, line);
    progress->drawn_ns = now;
    progress->drawn = true;
}

void progress_end(struct progress *progress) {
    if (progress->drawn) {
        fputs("\r\033[K", stderr);
    }
    progress->drawn = false;
}
