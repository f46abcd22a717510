#!/bin/sh
# Runs a command whose process group ends with the supervisor, however that ends: the supervisor holds the other end of
# this script's stdin, and the system closes it for a process that was killed. What waits for that is no child of the
# command's, which becomes this very process: its number, its environment and its exit code are the command's own.
# The first argument is the file of the control group that limits the command, or empty.
group=$1
shift
exec 3<&0
( (trap '' HUP INT TERM; cat <&3 >/dev/null 2>&1; kill -KILL -"$$") >/dev/null 2>&1 & )
[ -z "$group" ] || echo "$$" >"$group"
exec "$@" </dev/null 3<&-
