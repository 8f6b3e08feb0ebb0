// A C++ program that passes string literals, and uses the macros, wherever the C examples do. It is compiled, not run.
#include <wharf/wharf.h>

static int greet(void *arg) {
    const char *name = *static_cast<const char **>(arg);
    return name[0] != '\0' ? wharf_sleep(1) : -1;
}

static int hello(wharf_request *request, void *) {
    wharf_reply_header(request, "X-Greeting", "hello");
    return wharf_reply_text(request, 200, "Hello, World!");
}

static int talk() {
    wharf_sock sock = wharf_dial("localhost:8888");
    if (wharf_failed(sock)) {
        return wharf_error(sock);
    }
    char line[80];
    WHARF_WITHIN(5000) {
        wharf_send(sock, "hello\n", 6);
        if (wharf_recv_until(sock, line, sizeof(line), "\n") < 0) {
            break;
        }
    }
    wharf_set_option(sock, "nodelay", 1);
    return wharf_close(sock);
}

int main() {
    int result = 0;
    WHARF_SCOPE(scope, &result) {
        wharf_go(scope, greet, "Ada");
        WHARF_SHIELD(100) {
            wharf_yield();
        }
    }
    wharf_response *response = wharf_get("http://localhost:8000/");
    wharf_str type = wharf_response_header(response, "Content-Type");
    bool text = wharf_str_is(type, "text/plain");
    wharf_response_free(response);

    wharf_server *server = wharf_server_new(nullptr);
    wharf_route(server, "GET /", hello, nullptr);
    wharf_files(server, "/files/", "./public", nullptr);
    return talk() < 0 || text || wharf_serve(server, "localhost:8000") < 0;
}
