/* Whom nsswitch.conf wants to be asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "net/names/nsswitch.h"

static void the_hosts_line_decides(void **state) {
    (void)state;
    static const struct {
        const char *text, *name;
        enum nsswitch_plan plan;
    } rows[] = {
        {"", "a.test", NSSWITCH_FILES_DNS},
        {"passwd: files ldap\n", "a.test", NSSWITCH_FILES_DNS},
        {"hosts: files dns\n", "a.test", NSSWITCH_FILES_DNS},
        {"hosts:files dns # ldap", "a.test", NSSWITCH_FILES_DNS},
        {"# hosts: ldap\n hosts:\tdns files\n", "a.test", NSSWITCH_DNS_FILES},
        {"hosts: files", "a.test", NSSWITCH_FILES},
        {"hosts: dns", "a.test", NSSWITCH_DNS},
        {"hosts: files ldap dns", "a.test", NSSWITCH_SYSTEM},
        {"hosts: ldap", "a.test", NSSWITCH_SYSTEM},
        {"hosts: files resolve [!UNAVAIL=return] dns", "a.test", NSSWITCH_SYSTEM},
        {"hosts: files mdns4_minimal [NOTFOUND=return] dns", "a.test", NSSWITCH_FILES_DNS},
        {"hosts: files mdns4_minimal[NOTFOUND=return]dns", "a.test", NSSWITCH_FILES_DNS},
        {"hosts: files mdns4_minimal [NOTFOUND=return] dns", "printer.local", NSSWITCH_SYSTEM},
        {"hosts: files mdns4_minimal [NOTFOUND=return] dns", "printer.LOCAL.", NSSWITCH_SYSTEM},
        {"hosts: files mdns4_minimal [NOTFOUND=return] dns", "local", NSSWITCH_FILES_DNS},
        {"hosts: files dns myhostname", "a.test", NSSWITCH_FILES_DNS},
        {"hosts: files dns myhostname", "Box", NSSWITCH_SYSTEM},
        {"hosts: files dns myhostname", "_gateway", NSSWITCH_SYSTEM},
        {"hosts: mymachines files dns", "a.test", NSSWITCH_FILES_DNS},
        {"hosts: mymachines files dns", "container", NSSWITCH_SYSTEM},
        {"hosts: files [NOTFOUND=return] dns", "a.test", NSSWITCH_SYSTEM},
        {"hosts: files dns [NOTFOUND=continue]", "a.test", NSSWITCH_SYSTEM},
        {"hosts: files [", "a.test", NSSWITCH_SYSTEM},
        {"hosts: [", "a.test", NSSWITCH_SYSTEM},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum nsswitch_plan plan = nsswitch_plan_of(wharf_str_of(rows[i].text), wharf_str_of(rows[i].name),
                                                   STR("box"));
        if (plan != rows[i].plan) {
            fail_msg("%s, %s: %d", rows[i].text, rows[i].name, (int)plan);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hosts_line_decides),
    };
    return cmocka_run_group_tests_name("names nsswitch", tests, NULL, NULL);
}
