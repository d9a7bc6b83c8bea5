# Runs a command at a pseudo-terminal of its own: `pseudo-terminal.py COLUMNS ROWS COMMAND [ARGUMENT...]`.
# Obeys JSON lines on standard input: {"type": TEXT}, {"resize": [COLUMNS, ROWS]}, {"modes": true}, {"hang_up": true}.
# Says JSON lines: {"pid"}, {"output"}, {"modes"}, {"resized"}, and {"exit"} last: the code, or minus the number of the signal.
import codecs, fcntl, json, os, pty, select, struct, sys, termios


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def resize(descriptor, columns, rows):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def modes(descriptor):
    flags = termios.tcgetattr(descriptor)[3]
    names = {"lines": termios.ICANON, "echo": termios.ECHO, "signals": termios.ISIG}
    return {name: bool(flags & flag) for name, flag in names.items()}


columns, rows, *command = sys.argv[1:]
master, slave = pty.openpty()
resize(slave, int(columns), int(rows))
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in (0, 1, 2):
        os.dup2(slave, descriptor)
    os.execvp(command[0], command)

say({"pid": child})
# The other end stays open here, so that its modes can be read after the command has ended.
decoder = codecs.getincrementaldecoder("utf-8")("replace")
ended = os.pidfd_open(child)
sources = [0, master, ended]
pending = b""
while True:
    ready, _, _ = select.select(sources, [], [])
    if master in ready:
        say({"output": decoder.decode(os.read(master, 65536))})
        continue
    if ended in ready:
        status = os.waitpid(child, 0)[1]
        say({"exit": os.waitstatus_to_exitcode(status)})
        break
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            sources.remove(0)
            os.kill(child, 9)
            continue
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            if "type" in asked:
                os.write(master, asked["type"].encode())
            if "resize" in asked:
                resize(slave, *asked["resize"])
            if "modes" in asked:
                say({"modes": modes(slave)})
            if "hang_up" in asked:
                sources.remove(master)
                os.close(slave)
                os.close(master)

if master in sources:
    say({"modes": modes(slave)})
