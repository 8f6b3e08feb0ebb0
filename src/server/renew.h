/* Certificates that are renewed while the server runs, and warned of while they end within two weeks. */
#ifndef SERVER_RENEW_H
#define SERVER_RENEW_H

struct core;
struct scope;

/* Starts the task that looks at the files of the listeners' certificates, once a second, which must have some, and at once
 * when the core's event says so. It
 * ends when the scope is cancelled. 0 or an error. */
int renew_start(struct core *core, struct scope *scope);

#endif
