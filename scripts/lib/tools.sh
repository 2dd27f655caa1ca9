# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it: looks for the tools the project needs, installs what can be installed, and builds
# the program and the Java part. Sets nothing but functions; `root` must be the top of the repository.

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

die() {
    say "$*"
    exit 2
}

# Runs a command as root, if that can be had without a password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

java_major() {
    javac -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p'
}

# Debian package of each tool that is missing.
missing_packages() {
    missing_java
    # librdkafka, zstd and zlib are built from source, against the OpenSSL that is installed.
    if ! command -v cc >/dev/null || ! command -v c++ >/dev/null || ! command -v make >/dev/null; then echo build-essential; fi
    command -v pkg-config >/dev/null || echo pkg-config
    pkg-config --exists openssl 2>/dev/null || echo libssl-dev
}

# The same for the Java part alone.
missing_java() {
    local major
    major=$(java_major 2>/dev/null || true)
    if [ "${major:-0}" -lt 17 ] || ! command -v java >/dev/null; then echo openjdk-17-jdk-headless; fi
    command -v mvn >/dev/null || echo maven
}

# What is wanted and no more: docker-compose, for one, recommends an engine.
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

install_packages() {
    say "installing with apt-get, which may take some minutes: $*"
    if ! command -v apt-get >/dev/null; then
        die "missing: $*; this is no Debian or Ubuntu, so please install them by your own package manager"
    fi
    local log
    log=$(mktemp)
    # The list of packages may be missing or old.
    if ! apt_install "$@" >"$log" 2>&1 && ! { as_root apt-get update -q && apt_install "$@"; } >>"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        die "missing: $*; please run: sudo apt-get install $*"
    fi
    rm -f "$log"
}

# What the function named first finds missing, after an attempt to install it.
require() {
    local packages
    packages=$("$1")
    # shellcheck disable=SC2086 # one word a package
    [ -z "$packages" ] || install_packages $packages
    [ -z "$("$1")" ] || die "still missing after the installation: $("$1" | tr '\n' ' ')"
}

# JDK 17 or newer and Maven.
require_java() { require missing_java; }

# The same, a C toolchain, and Rust.
require_tools() {
    # First, because it may need the user.
    require_rust
    require missing_packages
}

# The compiler of rust-toolchain.toml: rustup fetches it by itself.
require_rust() {
    local wanted
    # shellcheck disable=SC2154 # root is set by who sources this
    wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$root/rust-toolchain.toml")
    # shellcheck source=/dev/null
    if [ -e "$HOME/.cargo/env" ]; then . "$HOME/.cargo/env"; fi
    if ! command -v cargo >/dev/null; then install_rustup "$wanted"; fi
    (cd "$root" && cargo --version >/dev/null) || die "Rust $wanted is not to be had; please run: rustup toolchain install $wanted"
}

has_candidate() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [0-9]'; }

# Debian 13 and Ubuntu 24.04 have it as a package. Elsewhere it is for the user to run a program from the net.
install_rustup() {
    if command -v apt-cache >/dev/null; then
        has_candidate rustup || as_root apt-get update -q >/dev/null 2>&1 || true
        if has_candidate rustup; then
            install_packages rustup
            return
        fi
        command -v curl >/dev/null || install_packages curl ca-certificates
    fi
    say "missing: Rust $1. Please install rustup, which fetches it, by the command of https://rustup.rs, then run this again:"
    printf '\n    %s\n\n' "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --default-toolchain none" >&2
    exit 2
}

# The release binary; sets `spout`.
build_spout() {
    say "building the spout with cargo (the first time takes some minutes: librdkafka is built from source)"
    (cd "$root" && cargo build --release --locked --quiet)
    # shellcheck disable=SC2034 # for who sources this
    spout=$root/target/release/kafka-shell-spout
}

# The newest of the Java part's sources decides whether Maven has to run.
topology_is_built() {
    local stamp="$root/topology/target/built"
    [ -e "$stamp" ] && [ -z "$(find "$root/topology" -name target -prune -o -type f -newer "$stamp" -print -quit)" ]
}

# One at a time: tests that run side by side come here together.
build_topology() {
    if topology_is_built; then return; fi
    mkdir -p "$root/topology/target"
    local lock
    exec {lock}>"$root/topology/target/lock"
    flock "$lock"
    topology_is_built || build_topology_alone
    exec {lock}>&-
}

build_topology_alone() {
    say "building topology/ with Maven"
    local log
    log=$(mktemp)
    # Offline first: once everything is cached no network is needed, and nothing is asked.
    if ! mvn -q -B -o -f "$root/topology/pom.xml" package >"$log" 2>&1 && ! mvn -q -B -f "$root/topology/pom.xml" package >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        rm -f "$log"
        die "Maven could not build topology/; if an artifact is missing above, a network is needed once"
    fi
    rm -f "$log"
    touch "$root/topology/target/built"
}
