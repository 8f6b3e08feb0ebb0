/* Certificates for development, as files: an authority of the user's own, and certificates that it signs. Programs that run at
 * the same time take turns by a lock on the folder. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/text.h"
#include "sched/sched.h"
#include "tls/authority.h"
#include "tls/facts.h"
#include "tls/library.h"
#include "tls/pem.h"
#include "wharf/tls.h"

enum { PATH_SIZE = 512, LEAF_DAYS = 90, AUTHORITY_DAYS = 3650, RENEW_DAYS = 30, DAY = 24 * 3600 };

/* ---- paths ---- */

static int join(char out[PATH_SIZE], const char *folder, const char *name, const char *ending) {
    int len = snprintf(out, PATH_SIZE, "%s/%s%s", folder, name, ending);
    return len > 0 && len < PATH_SIZE ? 0 : fail(-ENAMETOOLONG, "make certificate", folder, NULL);
}

static int default_folder(char out[PATH_SIZE]) {
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (data != NULL && data[0] == '/') {
        return join(out, data, "wharf", "");
    }
    if (home == NULL || home[0] != '/') {
        return fail(-ENOENT, "make certificate", NULL, "neither XDG_DATA_HOME nor HOME says where");
    }
    return join(out, home, ".local/share/wharf", "");
}

/* With what is above it; nobody else looks in. */
static int make_folder(const char *folder) {
    char path[PATH_SIZE];
    size_t len = str_copy_to(path, sizeof(path), wharf_str_of(folder));
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        char kept = path[i];
        path[i] = '\0';
        int rc = mkdir(path, 0700) < 0 ? -errno : 0;
        if (rc < 0 && rc != -EEXIST) {
            return fail(rc, "make folder", path, NULL);
        }
        path[i] = kept;
    }
    return 0;
}

/* ---- files ---- */

static int write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t count = write(fd, bytes, len);
        int rc = count < 0 ? -errno : 0;
        if (rc < 0 && rc != -EINTR) {
            return rc;
        }
        bytes += count > 0 ? count : 0;
        len -= count > 0 ? (size_t)count : 0;
    }
    return 0;
}

/* In full or not at all. */
static int write_file(const char *path, BIO *bio, mode_t mode) {
    char temporary[PATH_SIZE + 8];
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    (void)snprintf(temporary, sizeof(temporary), "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    int rc = fd < 0 ? -errno : write_all(fd, bytes, (size_t)len);
    if (fd >= 0) {
        close(fd);
    }
    if (rc == 0) {
        rc = rename(temporary, path) < 0 ? -errno : 0;
    }
    return rc < 0 ? fail(rc, "write", path, NULL) : 0;
}

static int write_pair(const struct mint *mint, const char *certificate, const char *key) {
    BIO *certificate_text = BIO_new(BIO_s_mem());
    BIO *key_text = BIO_new(BIO_s_secmem());
    bool ok = certificate_text != NULL && key_text != NULL &&
              PEM_write_bio_X509(certificate_text, mint->certificate) == 1 &&
              PEM_write_bio_PrivateKey_ex(key_text, mint->key, NULL, NULL, 0, NULL, NULL,
                                          tls_library()->context, NULL) == 1;
    int rc = ok ? write_file(key, key_text, 0600) : fail(-ENOMEM, "write", certificate, NULL);
    rc = rc < 0 ? rc : write_file(certificate, certificate_text, 0644);
    BIO_free(certificate_text);
    BIO_free(key_text);
    ERR_clear_error();
    return rc;
}

/* What is there. 0, or an error: then it has to be made. */
static int read_pair(const char *certificate, const char *key, struct mint *ret_mint) {
    STACK_OF(X509) *certificates = NULL;
    struct mint mint = {.certificate = NULL};
    int rc = access(key, R_OK) < 0 ? -errno : pem_certificates(certificate, &certificates);
    rc = rc < 0 ? rc : pem_key(key, NULL, &mint.key);
    if (rc == 0) {
        mint.certificate = sk_X509_shift(certificates);
        *ret_mint = mint;
    }
    sk_X509_pop_free(certificates, X509_free);
    return rc;
}

/* Takes what is good, and makes what is not. */
static int obtain(const struct mint_request *request, const struct mint *issuer, const char *const paths[2],
                  struct mint *ret_mint) {
    struct mint mint = {.certificate = NULL};
    int64_t until = request->now + (int64_t)RENEW_DAYS * DAY;
    if (read_pair(paths[0], paths[1], &mint) == 0) {
        if (mint_is_good(&mint, request->hosts, until, issuer)) {
            *ret_mint = mint;
            return 0;
        }
        mint_free(&mint);
    }
    int rc = mint_new(request, issuer, &mint);
    rc = rc < 0 ? rc : write_pair(&mint, paths[0], paths[1]);
    if (rc < 0) {
        mint_free(&mint);
        return rc;
    }
    *ret_mint = mint;
    return 0;
}

/* ---- the whole ---- */

static int make_both(const char *folder, const char *name, const char *const *hosts, wharf_tls_made *made) {
    char authority_key[PATH_SIZE];
    char authority_name[128];
    char host[64] = "";
    struct mint authority = {.certificate = NULL};
    struct mint leaf = {.certificate = NULL};
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(authority_name, sizeof(authority_name), "Wharf development authority of %s", host);
    int rc = join(made->ca, folder, "ca", ".crt");
    rc = rc < 0 ? rc : join(authority_key, folder, "ca", ".key");
    rc = rc < 0 ? rc : join(made->certificate, folder, name, ".crt");
    rc = rc < 0 ? rc : join(made->key, folder, name, ".key");
    if (rc < 0) {
        return rc;
    }
    struct mint_request request = {
        .common_name = authority_name, .now = sched_wall_seconds(), .days = AUTHORITY_DAYS};
    rc = obtain(&request, NULL, (const char *const[2]){made->ca, authority_key}, &authority);
    if (rc == 0) {
        request = (struct mint_request){
            .common_name = name, .hosts = hosts, .now = request.now, .days = LEAF_DAYS};
        rc = obtain(&request, &authority, (const char *const[2]){made->certificate, made->key}, &leaf);
    }
    if (rc == 0) {
        facts_fingerprint(leaf.certificate, made->fingerprint);
        facts_fingerprint(authority.certificate, made->ca_fingerprint);
    }
    mint_free(&authority);
    mint_free(&leaf);
    return rc;
}

/* Where: the folder that was named, else the user's own. 0 or a recorded failure; it exists then. */
static int find_folder(const char *given, char out[PATH_SIZE]) {
    int rc = 0;
    if (given == NULL) {
        rc = default_folder(out);
    } else if (str_copy_to(out, PATH_SIZE, wharf_str_of(given)) < strlen(given)) {
        rc = fail(-ENAMETOOLONG, "make certificate", given, NULL);
    }
    return rc < 0 ? rc : make_folder(out);
}

static bool is_file_name(const char *name) {
    return name != NULL && name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, "ca") != 0;
}

int wharf_tls_make(const char *folder, const char *name, const char *const *hosts, wharf_tls_made *ret_made) {
    static const char *const LOCAL[] = {"localhost", "127.0.0.1", "::1", NULL};
    char path[PATH_SIZE];
    wharf_tls_made made = {.certificate = ""};
    if (!is_file_name(name)) {
        return fail(-EINVAL, "make certificate", name,
                    "name is that of a file, without an ending, and not \"ca\"");
    }
    int rc = find_folder(folder, path);
    if (rc < 0) {
        return rc;
    }
    int lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = lock < 0 || flock(lock, LOCK_EX) < 0 ? -errno : 0;
    if (rc < 0) {
        (void)fail(rc, "open", path, NULL);
    } else {
        rc = make_both(path, name, hosts != NULL && hosts[0] != NULL ? hosts : LOCAL, &made);
    }
    if (lock >= 0) {
        close(lock);
    }
    if (rc == 0 && ret_made != NULL) {
        *ret_made = made;
    }
    return rc;
}
