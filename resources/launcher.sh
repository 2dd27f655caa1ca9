#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Started by a Storm worker in the topology's resources/ directory, beside the program, which Storm has extracted from
# the jar without its exec bit. Always ends in exec: the process that Storm knows is the program itself, and no shell.

name=kafka-shell-spout
program=./$name

die() {
    printf 'launcher.sh: %s\n' "$2" >&2
    exit "$1"
}

[ -f "$program" ] || die 127 "there is no $name in $(pwd); it belongs into resources/ of the topology's jar"

# Fails if the worker runs as another user than the one who owns the files.
chmod u+x "$program" 2>/dev/null
[ -x "$program" ] && exec "$program" "$@"

dir=${TMPDIR:-/tmp}
copy=$(mktemp "$dir/$name.XXXXXX") || die 126 "$(pwd)/$name cannot be made executable, nor can a file be made in $dir for a copy; set TMPDIR"
trap 'rm -f "$copy"' EXIT
cp "$program" "$copy" || die 126 "$(pwd)/$name cannot be made executable, nor be copied to $copy"
chmod 700 "$copy" || die 126 "neither $(pwd)/$name nor its copy $copy can be made executable"
[ -x "$copy" ] || die 126 "neither $(pwd)/$name nor its copy $copy can be executed: is $dir mounted noexec? Set TMPDIR"

# Run through a descriptor, the copy needs no name any more and is gone with the process, however that ends.
exec 9<"$copy"
if [ -x /proc/self/fd/9 ]; then
    rm -f "$copy"
    trap - EXIT
    exec /proc/self/fd/9 "$@"
fi
exec 9<&-
trap - EXIT
exec "$copy" "$@"
