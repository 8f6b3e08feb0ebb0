/* Uploads: a server and a client in virtual time, the files of the real disk. Whatever strikes, a file is there whole or not
 * at all, and no other is left. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "scenario.h"
#include "wharf/files.h"

enum { BODY_BYTES = 200000 };

static char folder[256];
static char base[160];
static char body[BODY_BYTES];

/* Removes all files; tells how many there were besides "kept", and whether that one, if it was there, was whole. */
static int clear_folder(bool *ret_whole) {
    int others = 0;
    DIR *directory = opendir(folder);
    *ret_whole = true;
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char path[600];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        others += strcmp(entry->d_name, "kept") != 0 ? 1 : 0;
        FILE *file = fopen(path, "r");
        if (file != NULL && strcmp(entry->d_name, "kept") == 0) {
            fseek(file, 0, SEEK_END);
            *ret_whole = ftell(file) == BODY_BYTES;
        }
        if (file != NULL) {
            fclose(file);
        }
        unlink(path);
    }
    closedir(directory);
    return others;
}

static int make_folder(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/upload-XXXXXX", parent != NULL ? parent : P_tmpdir);
    memset(body, 'x', sizeof body);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int drop_folder(void **state) {
    (void)state;
    bool whole = false;
    (void)clear_folder(&whole);
    return rmdir(folder);
}

static int put(const char *digest) {
    char url[256];
    const char *const headers[] = {digest, NULL};
    (void)snprintf(url, sizeof(url), "%s/kept", base);
    wharf_response *response = wharf_fetch(
        NULL, WHARF_OPTIONS(wharf_fetch_options, .method = "PUT", .url = url, .body = body,
                            .body_bytes = BODY_BYTES, .headers = digest != NULL ? headers : NULL));
    int status = wharf_response_status(response);
    wharf_response_free(response);
    return status;
}

static int run_server(void *arg) {
    wharf_server *server = *(wharf_server **)arg;
    return wharf_server_run(server);
}

static void (*play)(void);

static int perform(void *arg) {
    (void)arg;
    wharf_scope scope;
    wharf_server *server = wharf_server_new(WHARF_OPTIONS(wharf_server_options, .no_signals = true));
    if (server == NULL) {
        return -ENOMEM;
    }
    int rc = wharf_files(server, "/", folder, WHARF_OPTIONS(wharf_files_options, .upload = true));
    rc = rc < 0 ? rc : wharf_server_listen(server, "127.0.0.1:0");
    (void)wharf_scope_open(&scope, NULL);
    if (rc >= 0) {
        (void)snprintf(base, sizeof(base), "http://%s", wharf_server_address(server, 0));
        rc = wharf_go(&scope, run_server, server);
    }
    if (rc >= 0) {
        play();
        (void)wharf_server_stop(server);
    }
    int closed = wharf_scope_close(&scope);
    wharf_server_free(server);
    return rc < 0 ? rc : closed;
}

static void play_whole(void) {
    bool whole = false;
    EXPECT(put("Content-Digest: sha-256=:RrPBVtSjkl4qPyBzIDvUWUDlNlJxkXlqAAAAAAAAAAA=:") == 400);
    EXPECT(clear_folder(&whole) == 0);
    EXPECT(put(NULL) == 201);
    EXPECT(put(NULL) == 409);
    EXPECT(clear_folder(&whole) == 0 && whole);
}

static void files_are_stored_once_and_whole(void **state) {
    (void)state;
    play = play_whole;
    scenario_run_seeds(perform);
}

static void play_struck(void) {
    bool whole = false;
    (void)put(NULL);
    (void)clear_folder(&whole);
    EXPECT(whole);
}

static void whatever_strikes_leaves_no_part_under_the_name(void **state) {
    (void)state;
    play = play_struck;
    (void)scenario_sweep(WHARF_TEST_ALLOCATION, NULL, perform);
    (void)scenario_sweep(WHARF_TEST_CANCEL, NULL, perform);
    (void)scenario_sweep(WHARF_TEST_RESET, NULL, perform);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_stored_once_and_whole),
        cmocka_unit_test(whatever_strikes_leaves_no_part_under_the_name),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
