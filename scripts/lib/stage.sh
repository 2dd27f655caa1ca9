# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the script that sources this
#
# Sourced by scripts/package: puts together the trees of files that are packed, and packs them. `root` must be the top of
# the repository; `binary`, `pages`, `licenses`, `version` and `epoch` must be set.

name=kafka-shell-spout

# The same below /usr of the Debian package and in the tarball: bin/ and share/. Only zsh looks elsewhere in each.
stage_tree() {
    local top=$1 zsh=$2 page
    local doc=$top/share/doc/$name data=$top/share/$name
    install -d "$top/bin" "$top/share/man/man1" "$top/share/bash-completion/completions" "$top/share/$zsh" \
        "$top/share/fish/vendor_completions.d" "$doc" "$data"
    install -m 755 "$binary" "$top/bin/$name"
    for page in "$pages"/*.1; do
        gzip -9n <"$page" >"$top/share/man/man1/${page##*/}.gz"
    done
    install -m 644 "$pages/$name.bash" "$top/share/bash-completion/completions/$name"
    install -m 644 "$pages/_$name" "$top/share/$zsh/_$name"
    install -m 644 "$pages/$name.fish" "$top/share/fish/vendor_completions.d/$name.fish"
    install -m 644 "$root/README.md" "$doc/README.md"
    install -d "$doc/docs"
    install -m 644 "$root"/docs/*.md "$doc/docs/"
    gzip -9n <"$licenses" >"$doc/THIRD-PARTY.gz"
    # For topologies of one's own: what the jar has beside the program.
    install -m 644 "$root/resources/example.conf" \
        "$root/topology/storm/src/main/java/io/github/kafkashellspout/KafkaShellSpout.java" "$data"
    find "$top" -type d -exec chmod 755 {} +
    find "$top" -type f -path '*/share/*' -exec chmod 644 {} +
    install -m 755 "$root/resources/launcher.sh" "$data"
}

make_tarball() {
    local target=$1 tree top
    top=$name-$version-$machine-linux
    tree=$work/tar/$top
    stage_tree "$tree" zsh/site-functions
    install -m 644 "$root/LICENSE" "$root/CHANGELOG.md" "$tree"
    tar --create --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -C "$work/tar" "$top" | gzip -9n >"$target"
}

# Who makes packages may say so as for any Debian package.
maintainer() {
    echo "${DEBFULLNAME:-kafka-shell-spout maintainers} <${DEBEMAIL:-maintainers@kafka-shell-spout.invalid}>"
}

make_deb() {
    local target=$1 glibc=$2 tree=$work/deb doc
    doc=$tree/usr/share/doc/$name
    stage_tree "$tree/usr" zsh/vendor-completions
    gzip -9n <"$root/CHANGELOG.md" >"$doc/changelog.gz"
    {
        printf '%s (%s-1) unstable; urgency=medium\n\n' "$name" "$version"
        printf '  * Made from the release; see changelog.gz.\n\n'
        printf ' -- %s  %s\n' "$(maintainer)" "$(LC_ALL=C date -u -R -d "@$epoch")"
    } | gzip -9n >"$doc/changelog.Debian.gz"
    {
        printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n'
        printf 'Upstream-Name: %s\n' "$name"
        printf 'Comment: What is linked into the program has licences of its own: THIRD-PARTY.gz.\n\n'
        printf 'Files: *\nCopyright: %s the kafka-shell-spout authors\nLicense: Apache-2.0\n' "$(date -u -d "@$epoch" +%Y)"
        printf ' On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n'
    } >"$doc/copyright"
    install -d -m 755 "$tree/DEBIAN"
    {
        printf 'Package: %s\nVersion: %s-1\nArchitecture: %s\n' "$name" "$version" "$(deb_architecture)"
        printf 'Maintainer: %s\nSection: net\nPriority: optional\n' "$(maintainer)"
        printf 'Installed-Size: %s\n' "$(du -k --apparent-size -s "$tree/usr" | cut -f 1)"
        printf 'Depends: libc6 (>= %s)\n' "$glibc"
        printf 'Description: Kafka spout for Apache Storm in one native program\n'
        printf ' Storm starts it as the command of a ShellSpout and talks to it over stdin and\n'
        printf ' stdout in its multilang protocol. It reads Kafka with one connection to each\n'
        printf ' broker and keeps offsets in ZooKeeper as the storm-kafka spout does.\n'
    } >"$tree/DEBIAN/control"
    (cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
    chmod 644 "$doc"/change* "$doc/copyright" "$tree"/DEBIAN/*
    # xz: dpkg of Debian 10 and 11 knows no zstd. The epoch is the newest time that a file may have.
    find "$tree" -exec touch -h -d "@$epoch" {} +
    SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group -Zxz --build "$tree" "$target" >/dev/null
}

deb_architecture() {
    case $machine in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) echo "$machine" ;;
    esac
}

# Classes, the launcher script and the program; Storm extracts resources/ for each worker.
make_jar() {
    local target=$1 tree=$work/jar
    install -d "$tree/resources"
    cp -r "$root/topology/companion/target/classes/." "$root/topology/example/target/classes/." "$tree"
    install -m 644 "$root/resources/launcher.sh" "$tree/resources/launcher.sh"
    # Storm forgets the exec bit anyhow.
    install -m 755 "$binary" "$tree/resources/$name"
    install -d "$tree/META-INF"
    install -m 644 "$root/LICENSE" "$tree/META-INF/LICENSE"
    install -m 644 "$licenses" "$tree/META-INF/THIRD-PARTY"
    (cd "$tree" && find . -type f | sed 's|^\./||' | LC_ALL=C sort >"$work/entries")
    rm -f "$target"
    (cd "$tree" && jar --create --file "$target" --main-class io.github.kafkashellspout.example.ExampleTopology \
        --date "$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)" "@$work/entries")
}
