# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the script that sources this
#
# Sourced by scripts/package: builds the program for an old glibc with zig as the C compiler and linker, and looks at
# what a program needs. `root` must be the top of the repository and `cache` a directory; tools.sh must be sourced, too.

ziglang=0.16.0
cargo_zigbuild=0.24.0
triple=x86_64-unknown-linux-gnu

# Both from PyPI, into a directory of their own.
install_zig() {
    zig=$cache/zig-$ziglang-$cargo_zigbuild
    if [ -e "$zig/done" ]; then return; fi
    say "installing zig $ziglang and cargo-zigbuild $cargo_zigbuild from PyPI into target/"
    rm -rf "$zig"
    python3 -m venv "$zig" || die "python3 could not make $zig; on Debian and Ubuntu python3-venv is missing"
    "$zig/bin/pip" install -q --disable-pip-version-check --only-binary :all: "ziglang==$ziglang" "cargo-zigbuild==$cargo_zigbuild" ||
        die "pip could not install zig and cargo-zigbuild; a network is needed once"
    touch "$zig/done"
}

# cargo-zigbuild tells Cargo's build scripts which compiler to take, but librdkafka's configure is none: it would take
# the system's gcc and look into the headers of the system's glibc, and find C11 threads there, which glibc has since
# 2.28. With zig it finds that they are missing, and compiles its own over pthreads.
write_compiler() {
    local glibc=$1
    compiler=$cache/cc-$glibc
    # librdkafka's linker script names symbols that are compiled only for its tests: an error to lld.
    printf '#!/bin/sh\nexec "%s" -m ziglang cc -target x86_64-linux-gnu.%s -fno-sanitize=all -Wl,--undefined-version "$@"\n' \
        "$zig/bin/python" "$glibc" >"$compiler"
    chmod 755 "$compiler"
}

# Builds the program and examples/manual for that glibc; sets `binary` and `manual`.
build_portable() {
    local glibc=$1 log remap what
    [ "$(uname -m)" = x86_64 ] || die "a portable binary can be built on x86_64 only; elsewhere build one and pass it with --binary"
    install_zig
    write_compiler "$glibc"
    log=$cache/build.log
    # Whose machine it was is nobody's business.
    remap="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates --remap-path-prefix=$root=."
    # Apart, so that what the manual needs changes nothing in the program.
    for what in --bin=kafka-shell-spout --example=manual; do
        if ! (cd "$root" && PATH="$zig/bin:$PATH" CC="$compiler" CARGO_TARGET_DIR="$cache/build" RUSTFLAGS="$remap" \
            cargo zigbuild --release --locked --no-default-features --features ssl-vendored "$what" --target "$triple.$glibc") >"$log" 2>&1; then
            tail -n 40 "$log" >&2
            die "the portable build failed; see $log"
        fi
    done
    binary=$cache/build/$triple/release/kafka-shell-spout
    manual=("$cache/build/$triple/release/examples/manual")
}

# The newest glibc that a symbol of the program needs.
baseline() {
    objdump -T "$1" | grep -o 'GLIBC_[0-9][0-9.]*' | sed 's/GLIBC_//' | sort -uV | tail -n 1
}

# Whether the first of two versions is not newer.
not_newer() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# Libraries beside those of every glibc system. An old glibc has threads, dlopen and timers in libraries of their own.
foreign_libraries() {
    ldd "$1" | awk '{print $1}' | grep -vE '^(linux-vdso\.so|lib(c|m|gcc_s|pthread|dl|rt)\.so|(/.*/)?ld-linux[^/]*\.so)' || true
}
