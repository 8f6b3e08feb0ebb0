"""gdb: the tasks of a program that uses Wharf, in a live process or a core.

    (gdb) source /usr/local/share/wharf/wharf-gdb.py
    (gdb) wharf tasks            every task: name, state, what it waits for, backtrace
    (gdb) wharf tasks NAME       those of that name
    (gdb) wharf tasks -q         without backtraces

The library needs its debugging information, as it has unless it was stripped. Registers are put back afterwards.
"""

import gdb

FRAMES_MAX = 64

# Where context_switch() has left a task's registers, from the context up; src/sched/arch/ has the drawing.
LAYOUTS = {
    "x86-64": {"r15": 8, "r14": 16, "r13": 24, "r12": 32, "rbx": 40, "rbp": 48, "rip": 56, "size": 64, "sp": "rsp"},
    "aarch64": {
        **{f"x{19 + i}": 8 * i for i in range(12)},
        "pc": 88,
        "size": 176,
        "sp": "sp",
    },
}


def layout():
    architecture = gdb.selected_inferior().architecture().name()
    return LAYOUTS["aarch64" if "aarch64" in architecture else "x86-64"]


def word_at(address):
    return int(gdb.Value(address).cast(gdb.lookup_type("unsigned long").pointer()).dereference())


def schedulers():
    # Link-time optimisation leaves several descriptions of it, of which one says where it is.
    found = [symbol.value() for symbol in gdb.lookup_static_symbols("all_schedulers")]
    found = [value for value in found if not value.is_optimized_out]
    if not found:
        raise gdb.GdbError("wharf: this program has no schedulers, or the library has no debugging information")
    at = found[0]
    while int(at) != 0:
        yield at
        at = at["pulse"]["next"]


def tasks_below(scope):
    """Every task whose own scope hangs below one, outermost first."""
    stack = [scope]
    while stack:
        scope = stack.pop()
        if int(scope["base"]) != 0:
            yield scope["owner"]
        child = scope["children"]
        while int(child) != 0:
            stack.append(child)
            child = child["next"]


def tasks_of(scheduler):
    yield from tasks_below(scheduler["main"]["base"].address)
    yield from tasks_below(scheduler["background"].address)


def describe(scheduler, task):
    running = int(task) == int(scheduler["running"])
    state = "waiting" if int(task["parked"]) != 0 else "running" if running else "ready"
    text = f'task {int(task):#x} "{task["name"].string()}"'
    if int(task["file"]) != 0:
        text += f' (started at {task["file"].string()}:{int(task["line"])})'
    if state == "waiting" and int(task["waiting"]) != 0:
        ms = (int(scheduler["now"]) - int(task["parked_at"])) // 1000000
        return text + f' waiting in {task["waiting"]["kind"]["name"].string()}, {max(ms, 0)} ms when last asked'
    return text + " " + state


def frames_from(frame):
    lines = []
    while frame is not None and frame.is_valid() and len(lines) < FRAMES_MAX:
        place = frame.find_sal()
        where = f" at {place.symtab.filename}:{place.line}" if place.symtab is not None else ""
        lines.append(f"    #{len(lines):<2} {frame.pc():#x} {frame.name() or '??'}{where}")
        frame = frame.older()
    return lines


def live_backtrace(task):
    """Unwound by gdb itself, from registers that are put back."""
    place, context = layout(), int(task["context"])
    wanted = {name: word_at(context + at) for name, at in place.items() if name not in ("size", "sp")}
    wanted[place["sp"]] = context + place["size"]
    gdb.selected_thread()
    gdb.newest_frame().select()
    before = {name: int(gdb.parse_and_eval("(unsigned long)$" + name)) for name in wanted}
    try:
        for name, value in wanted.items():
            gdb.execute(f"set ${name} = {value:#x}")
        return frames_from(gdb.newest_frame())
    finally:
        for name, value in before.items():
            gdb.execute(f"set ${name} = {value:#x}")


def frame_pointer_backtrace(task):
    """Of a core, whose registers cannot be set: along the frame pointers."""
    place, context = layout(), int(task["context"])
    names = ("rbp", "rip") if "rbp" in place else ("x29", "pc")
    frame, pc = word_at(context + place[names[0]]), word_at(context + place[names[1]])
    lines = []
    while pc != 0 and len(lines) < FRAMES_MAX:
        function = gdb.block_for_pc(pc)
        while function is not None and function.function is None:
            function = function.superblock
        sal = gdb.find_pc_line(pc if not lines else pc - 1)
        name = str(function.function) if function is not None else "??"
        where = f" at {sal.symtab.filename}:{sal.line}" if sal.symtab is not None else ""
        lines.append(f"    #{len(lines):<2} {pc:#x} {name}{where}")
        if frame == 0:
            break
        try:
            older, pc = word_at(frame), word_at(frame + 8)
        except gdb.MemoryError:
            break
        if older != 0 and older <= frame:
            break
        frame = older
    return lines


def thread_backtrace(tid):
    """Of the task whose turn it is: its thread's own."""
    selected = gdb.selected_thread()
    for thread in gdb.selected_inferior().threads():
        if tid in thread.ptid:
            thread.switch()
            try:
                return frames_from(gdb.newest_frame())
            finally:
                selected.switch()
    return [f"    on thread {tid}, which is not here"]


def backtrace(task):
    try:
        return live_backtrace(task)
    except gdb.error:
        return frame_pointer_backtrace(task)


class Wharf(gdb.Command):
    """What the Wharf library is doing. `wharf tasks` lists its tasks."""

    def __init__(self):
        super().__init__("wharf", gdb.COMMAND_STACK, prefix=True)


class WharfTasks(gdb.Command):
    """wharf tasks [-q] [NAME]: lists tasks with their state and backtrace; -q without backtraces."""

    def __init__(self):
        super().__init__("wharf tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        quiet = "-q" in words
        names = [word for word in words if word != "-q"]
        for scheduler in schedulers():
            try:
                self.list(scheduler, names, quiet)
            except gdb.MemoryError as error:
                # gcore leaves a mapping out that holds a guard; cores of the kernel are complete.
                print(f"the rest of this core's tasks is not in the file: {error}")

    def list(self, scheduler, names, quiet):
        engine = scheduler["engine"]["name"].string()
        print(f"core {int(scheduler['core'])} ({engine}): {int(scheduler['tasks_alive']) + 1} tasks")
        for task in tasks_of(scheduler):
            if names and task["name"].string() not in names:
                continue
            print(describe(scheduler, task))
            if quiet:
                continue
            if int(task) == int(scheduler["running"]):
                print("\n".join(thread_backtrace(int(scheduler["pulse"]["tid"]))))
            else:
                print("\n".join(backtrace(task)))


Wharf()
WharfTasks()
