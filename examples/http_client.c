/* http_client [URL] - prints what a URL answers; http://localhost:8000/ unless told otherwise.
 *
 * Shows: one call makes the request, follows redirects and receives the body. A response is never NULL: what
 * went wrong travels inside it, as one sentence.
 */
#include <stdio.h>

#include "wharf/client.h"

int main(int argc, char **argv) {
    wharf_response *response = wharf_get(argc > 1 ? argv[1] : "http://localhost:8000/");
    int error = wharf_response_error(response);
    if (error < 0) {
        fprintf(stderr, "http_client: %s\n", wharf_response_why(response));
    } else {
        wharf_str body = wharf_response_body(response);
        fwrite(body.ptr, 1, body.len, stdout);
    }
    wharf_response_free(response);
    return error < 0;
}
