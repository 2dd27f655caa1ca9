# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it: looks for the tools the project needs, installs what can be installed, and builds
# the Java part. Sets nothing but functions; `root` must be the top of the repository.

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
    local major
    major=$(java_major 2>/dev/null || true)
    if [ "${major:-0}" -lt 17 ] || ! command -v java >/dev/null; then echo openjdk-17-jdk-headless; fi
    command -v mvn >/dev/null || echo maven
    # librdkafka, zstd and zlib are built from source.
    if ! command -v cc >/dev/null || ! command -v c++ >/dev/null || ! command -v make >/dev/null; then echo build-essential; fi
    command -v bash >/dev/null || echo bash
}

install_packages() {
    say "installing with apt-get: $*"
    if ! command -v apt-get >/dev/null; then
        die "missing: $*; this is no Debian or Ubuntu, so please install them by your own package manager"
    fi
    if ! as_root apt-get install -y -q "$@" >/dev/null 2>&1; then
        # The list of packages may be missing or old.
        if ! { as_root apt-get update -q >/dev/null && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >/dev/null; }; then
            die "missing: $*; please run: sudo apt-get install $*"
        fi
    fi
}

# JDK 17 or newer, Maven, a C toolchain, and Rust.
require_tools() {
    local packages
    packages=$(missing_packages)
    # shellcheck disable=SC2086 # one word a package
    [ -z "$packages" ] || install_packages $packages
    [ -z "$(missing_packages)" ] || die "still missing after the installation: $(missing_packages | tr '\n' ' ')"
    require_rust
}

# The compiler of rust-toolchain.toml: rustup fetches it by itself.
require_rust() {
    local wanted
    wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$root/rust-toolchain.toml")
    [ -e "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
    if ! command -v cargo >/dev/null && apt-cache show rustup >/dev/null 2>&1; then
        install_packages rustup
    fi
    command -v cargo >/dev/null || die "missing: Rust $wanted; please install rustup, then run this again"
    (cd "$root" && cargo --version >/dev/null) || die "Rust $wanted is not to be had; please run: rustup toolchain install $wanted"
}

# The newest of the Java part's sources decides whether Maven has to run.
topology_is_built() {
    local stamp="$root/topology/target/built"
    [ -e "$stamp" ] && [ -z "$(find "$root/topology" -name target -prune -o -type f -newer "$stamp" -print -quit)" ]
}

build_topology() {
    if topology_is_built; then return; fi
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
    mkdir -p "$root/topology/target"
    touch "$root/topology/target/built"
}
