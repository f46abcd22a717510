#!/bin/sh
# Runs a command whose process group ends with the supervisor, however the supervisor ends. The supervisor holds the other
# end of this script's stdin, which the kernel closes even if the supervisor is killed. The process that waits for the end
# of stdin is not a child of the command: the command replaces this process by exec and keeps its pid, environment and
# exit code. The first argument is the cgroup.procs file of the control group that limits the command, or empty.
group=$1
shift
exec 3<&0
( (trap '' HUP INT TERM; cat <&3 >/dev/null 2>&1; kill -KILL -"$$") >/dev/null 2>&1 & )
[ -z "$group" ] || echo "$$" >"$group"
exec "$@" </dev/null 3<&-
