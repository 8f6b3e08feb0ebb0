/* Files of users: lines of NAME:HASH, as htpasswd -B writes them. Blank lines and those that begin with '#' do not count. The
 * functions block their thread and belong on the offload pool. */
#ifndef SERVER_USERS_H
#define SERVER_USERS_H

#include "wharf/base.h"

enum { USERS_NAME_MAX = 255, USERS_PASSWORD_MAX = 255, USERS_HASH_MAX = 255 };

/* Reads a file through. 0, -EINVAL and *ret_line (a line that is no user, or a hash that cannot be compared; 0: there is no
 * user), or an error of the file's. */
int users_check(const char *path, int *ret_line);
/* Whether the file has this user with this password. It takes as long for names that it does not have. 1, 0, or an error. */
int users_verify(const char *path, wharf_str name, const char *password);

#endif
