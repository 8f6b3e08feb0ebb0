/* The exit codes of the command: one cause, one number, the same in every subcommand. The manual's table
 * (wharf(1), EXIT STATUS) says the same. */
#ifndef CLI_EXITCODE_H
#define CLI_EXITCODE_H

enum exit_code {
    EXIT_OK = 0,
    EXIT_OTHER = 1,       /* out of memory and whatever is not below */
    EXIT_USAGE = 2,       /* the command line, a URL or an address is wrong */
    EXIT_NAME = 3,        /* a host name could not be resolved */
    EXIT_CONNECT = 4,     /* could not connect, or listen */
    EXIT_TIMEOUT = 5,     /* a time limit was reached */
    EXIT_PROTOCOL = 6,    /* the server broke the protocol or a limit */
    EXIT_INCOMPLETE = 7,  /* the connection ended before the answer did */
    EXIT_LOCAL_FILE = 8,  /* a file here, or standard output, could not be read or written */
    EXIT_REDIRECT = 9,    /* a redirect was refused: too many, or not to http */
    EXIT_TLS = 10,        /* TLS failed, or is not available */
    EXIT_STATUS_3XX = 13, /* the answer is a redirect that was not followed */
    EXIT_STATUS_4XX = 14, /* the answer is a client error; its body was printed */
    EXIT_STATUS_5XX = 15, /* the answer is a server error; its body was printed */
};

/* The code for an error of the network: negative, as the library returns it. */
int exitcode_of_error(int error);

/* The code for a complete answer with this status. */
int exitcode_of_status(int status);

#endif
