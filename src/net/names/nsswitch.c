/* See nsswitch.h. The rule is that of Go's resolver: "files" and "dns" are done here, what is known to answer for certain
 * names only matters for those, and anything else (LDAP, NIS, systemd's resolve, a status action that is not the usual
 * one) is getaddrinfo's. */
#include "net/names/nsswitch.h"

#include "base/text.h"

/* What the line has named so far. */
struct sources {
    bool files, dns, files_first, system;
};

static bool name_is_local(wharf_str name) {
    if (name.len > 0 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    wharf_str top = STR(".local");
    return name.len > top.len && str_equal_nocase(str_slice(name, name.len - top.len, name.len), top);
}

static bool name_is_mine(wharf_str name, wharf_str own_name) {
    return str_equal_nocase(name, own_name) || str_equal_nocase(name, STR("_gateway")) ||
           str_equal_nocase(name, STR("_outbound"));
}

/* One word of the line, for one name. */
static void source_add(struct sources *sources, wharf_str source, wharf_str name, wharf_str own_name) {
    if (wharf_str_is(source, "files")) {
        sources->files_first = sources->files_first || !sources->dns;
        sources->files = true;
    } else if (wharf_str_is(source, "dns")) {
        sources->dns = true;
    } else if (str_starts(source, STR("mdns"))) {
        sources->system = sources->system || name_is_local(name);
    } else if (wharf_str_is(source, "myhostname")) {
        sources->system = sources->system || name_is_mine(name, own_name);
    } else if (wharf_str_is(source, "mymachines")) {
        sources->system = sources->system || str_find_byte(name, '.') < 0;
    } else {
        sources->system = true;
    }
}

/* The actions that change nothing for the sources which are done here. */
static bool is_usual_action(wharf_str action) {
    return str_equal_nocase(action, STR("NOTFOUND=return")) ||
           str_equal_nocase(action, STR("SUCCESS=return")) ||
           str_equal_nocase(action, STR("!UNAVAIL=return")) ||
           str_equal_nocase(action, STR("UNAVAIL=continue"));
}

/* What stands behind "hosts:", or an empty view. */
static wharf_str hosts_line(wharf_str text) {
    wharf_str line;
    while (str_next_line(&text, &line)) {
        ssize_t comment = str_find_byte(line, '#');
        line = str_trim(comment >= 0 ? str_slice(line, 0, (size_t)comment) : line);
        if (str_starts(line, STR("hosts:"))) {
            return str_slice(line, 6, line.len);
        }
    }
    return STR("");
}

static struct sources sources_of(wharf_str line, wharf_str name, wharf_str own_name) {
    struct sources sources = {.files = false};
    bool after_dns_or_files = false;
    while (line.len > 0) {
        line = str_trim(line);
        bool is_action = line.len > 0 && line.ptr[0] == '[';
        ssize_t close = is_action ? str_find_byte(line, ']') : -1;
        size_t end = 0;
        while (end < line.len && line.ptr[end] != ' ' && line.ptr[end] != '\t' && line.ptr[end] != '[') {
            end++;
        }
        if (is_action) {
            end = close >= 0 ? (size_t)close + 1 : line.len;
            wharf_str action = str_trim(str_slice(line, 1, close >= 0 ? (size_t)close : line.len));
            /* "files [NOTFOUND=return] dns" never gets to dns: too unusual to be done here. */
            sources.system = sources.system || after_dns_or_files || !is_usual_action(action);
        } else if (end > 0) {
            wharf_str source = str_slice(line, 0, end);
            after_dns_or_files = wharf_str_is(source, "files");
            source_add(&sources, source, name, own_name);
        }
        line = str_slice(line, end, line.len);
    }
    return sources;
}

enum nsswitch_plan nsswitch_plan_of(wharf_str text, wharf_str name, wharf_str own_name) {
    wharf_str line = hosts_line(text);
    if (str_trim(line).len == 0) {
        return NSSWITCH_FILES_DNS;
    }
    struct sources sources = sources_of(line, name, own_name);
    if (sources.system || (!sources.files && !sources.dns)) {
        return NSSWITCH_SYSTEM;
    }
    if (sources.files && sources.dns) {
        return sources.files_first ? NSSWITCH_FILES_DNS : NSSWITCH_DNS_FILES;
    }
    return sources.files ? NSSWITCH_FILES : NSSWITCH_DNS;
}
