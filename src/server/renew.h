/* Certificates that are renewed while the server runs. */
#ifndef SERVER_RENEW_H
#define SERVER_RENEW_H

struct core;
struct scope;

/* Starts the task that looks at the files of the listeners' certificates, once a second, which must have some. It
 * ends when the scope is cancelled. 0 or an error. */
int renew_start(struct core *core, struct scope *scope);

#endif
