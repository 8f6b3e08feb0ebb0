/* The library's reports (base/report.h) from tasks of the server. Standard error may be a pipe that nobody reads, so a thread
 * of the pool writes them. */
#ifndef SERVER_NOTICE_H
#define SERVER_NOTICE_H

/* Something that whoever runs the server should look at; cut to fit. Suspends. */
void notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
