"""lldb: the tasks of a program that uses Wharf, in a live process or a core.

    (lldb) command script import /usr/local/share/wharf/wharf_lldb.py
    (lldb) wharf tasks            every task: name, state, what it waits for, backtrace
    (lldb) wharf tasks NAME       those of that name
    (lldb) wharf tasks -q         without backtraces

The library needs its debugging information, as it has unless it was stripped. lldb unwinds only what its threads run, so a
waiting task's backtrace is along its frame pointers.
"""

import shlex

import lldb

FRAMES_MAX = 64

# Where context_switch() has left a task's frame pointer and its way back; src/sched/arch/ has the drawing.
LAYOUTS = {"x86_64": (48, 56), "aarch64": (80, 88)}


class Unreadable(Exception):
    """A part of memory that a core does not have."""


def word_at(process, address):
    error = lldb.SBError()
    value = process.ReadPointerFromMemory(address, error)
    if error.Fail():
        raise Unreadable(str(error))
    return value


def field(value, *names):
    for name in names:
        value = value.GetChildMemberWithName(name)
    return value


def number(value, *names):
    return field(value, *names).GetValueAsSigned()


def text(value, *names):
    return (field(value, *names).GetSummary() or "").strip('"')


def schedulers(target):
    """Link-time optimisation leaves several descriptions of the list, of which one says where it is."""
    found = target.FindGlobalVariables("all_schedulers", 8)
    heads = [found.GetValueAtIndex(i) for i in range(found.GetSize())]
    heads = [head for head in heads if head.GetError().Success() and head.GetValue() is not None]
    scheduler = heads[0] if heads else None
    while scheduler is not None and scheduler.GetValueAsUnsigned() != 0:
        yield scheduler
        scheduler = field(scheduler, "pulse", "next")


def tasks_below(scope):
    """Every task whose own scope hangs below one, outermost first."""
    stack = [scope]
    while stack:
        scope = stack.pop()
        if number(scope, "base") != 0:
            yield field(scope, "owner")
        child = field(scope, "children")
        while child.GetValueAsUnsigned() != 0:
            stack.append(child)
            child = field(child, "next")


def tasks_of(scheduler):
    yield from tasks_below(field(scheduler, "main", "base"))
    yield from tasks_below(field(scheduler, "background"))


def is_running(scheduler, task):
    return task.GetValueAsUnsigned() == field(scheduler, "running").GetValueAsUnsigned()


def describe(scheduler, task):
    state = "waiting" if number(task, "parked") != 0 else "running" if is_running(scheduler, task) else "ready"
    line = f'task {task.GetValueAsUnsigned():#x} "{text(task, "name")}"'
    if number(task, "file") != 0:
        line += f' (started at {text(task, "file")}:{number(task, "line")})'
    if state == "waiting" and number(task, "waiting") != 0:
        ms = (number(scheduler, "now") - number(task, "parked_at")) // 1000000
        return line + f' waiting in {text(task, "waiting", "kind", "name")}, {max(ms, 0)} ms when last asked'
    return line + " " + state


def frame_line(target, index, pc):
    """Of a frame but the innermost, pc is behind the call."""
    address = lldb.SBAddress(pc - 1 if index > 0 else pc, target)
    context = address.GetSymbolContext(lldb.eSymbolContextEverything)
    name = context.GetFunction().GetName() or context.GetSymbol().GetName() or "??"
    entry = context.GetLineEntry()
    where = f" at {entry.GetFileSpec().fullpath}:{entry.GetLine()}" if entry.IsValid() else ""
    return f"    #{index:<2} {pc:#x} {name}{where}"


def parked_backtrace(target, task):
    process = target.GetProcess()
    frame_at, pc_at = LAYOUTS[target.GetTriple().split("-")[0]]
    context = number(task, "context") & (1 << 64) - 1
    lines = []
    try:
        frame, pc = word_at(process, context + frame_at), word_at(process, context + pc_at)
        while pc != 0 and len(lines) < FRAMES_MAX:
            lines.append(frame_line(target, len(lines), pc))
            if frame == 0:
                break
            older, pc = word_at(process, frame), word_at(process, frame + 8)
            if older != 0 and older <= frame:
                break
            frame = older
    except Unreadable as error:
        lines.append(f"    the rest is not in the file: {error}")
    return lines


def thread_backtrace(target, tid):
    """Of the task whose turn it is: its thread's own."""
    thread = target.GetProcess().GetThreadByID(tid)
    if not thread.IsValid():
        return [f"    on thread {tid}, which is not here"]
    frames = [thread.GetFrameAtIndex(i) for i in range(min(thread.GetNumFrames(), FRAMES_MAX))]
    return [frame_line(target, index, frame.GetPC()) for index, frame in enumerate(frames)]


def list_tasks(target, scheduler, names, quiet, result):
    engine = text(scheduler, "engine", "name")
    result.AppendMessage(f'core {number(scheduler, "core")} ({engine}): {number(scheduler, "tasks_alive") + 1} tasks')
    for task in tasks_of(scheduler):
        if names and text(task, "name") not in names:
            continue
        result.AppendMessage(describe(scheduler, task))
        if quiet:
            continue
        if is_running(scheduler, task):
            lines = thread_backtrace(target, number(scheduler, "pulse", "tid"))
        else:
            lines = parked_backtrace(target, task)
        for line in lines:
            result.AppendMessage(line)


def wharf(debugger, argument, context, result, _):
    """wharf tasks [-q] [NAME]: lists the tasks of the Wharf library with their state and backtrace; -q without backtraces."""
    words = shlex.split(argument)
    if not words or words[0] != "tasks":
        result.SetError("wharf: the command is `wharf tasks [-q] [NAME]`")
        return
    names = [word for word in words[1:] if word != "-q"]
    found = list(schedulers(context.GetTarget()))
    if not found:
        result.SetError("wharf: this program has no schedulers, or the library has no debugging information")
    for scheduler in found:
        list_tasks(context.GetTarget(), scheduler, names, "-q" in words, result)


def __lldb_init_module(debugger, _):
    debugger.HandleCommand(f"command script add -f {__name__}.wharf wharf")
