//! What `scripts/package` makes, of the test's own program: the portable build takes minutes, and is not made here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

/// The packages, made once for all tests.
static PACKAGES: LazyLock<TempDir> = LazyLock::new(make);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn make() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let script = root().join("scripts/package");
    run(Command::new(script)
        .args(["--binary", env!("CARGO_BIN_EXE_kafka-shell-spout"), "--out"])
        .arg(dir.path())
        .env("SOURCE_DATE_EPOCH", "1700000000"));
    dir
}

/// Runs a command that must succeed; gives what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, said(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The one package whose name ends so.
fn package(end: &str) -> PathBuf {
    let files = PACKAGES.path().read_dir().expect("the directory").flatten().map(|file| file.path());
    let mut found: Vec<PathBuf> = files.filter(|file| file.to_string_lossy().ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{end}: {found:?}");
    found.remove(0)
}

/// The tarball, unpacked; and the one directory in it.
fn unpacked() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    run(Command::new("tar").arg("-xzf").arg(package(".tar.gz")).arg("-C").arg(dir.path()));
    let top = dir.path().read_dir().expect("the directory").flatten().map(|file| file.path()).collect::<Vec<_>>();
    assert_eq!(top.len(), 1, "{top:?}");
    (dir, top[0].clone())
}

/// Mode and owner of each file in the Debian package, by name.
fn debian_files() -> BTreeMap<String, (String, String)> {
    let listing = run(Command::new("dpkg-deb").arg("-c").arg(package(".deb")));
    let file = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[5].trim_start_matches('.').to_owned(), (words[0].to_owned(), words[1].to_owned()))
    };
    listing.lines().map(file).collect()
}

fn is_there(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdin(Stdio::null()).output().is_ok()
}

#[test]
fn the_debian_package_has_each_file_in_its_place_and_owned_by_root() {
    let files = debian_files();
    let name = "kafka-shell-spout";
    for (file, mode) in [
        (format!("/usr/bin/{name}"), "-rwxr-xr-x"),
        (format!("/usr/share/man/man1/{name}.1.gz"), "-rw-r--r--"),
        (format!("/usr/share/man/man1/{name}-spout.1.gz"), "-rw-r--r--"),
        (format!("/usr/share/bash-completion/completions/{name}"), "-rw-r--r--"),
        (format!("/usr/share/zsh/vendor-completions/_{name}"), "-rw-r--r--"),
        (format!("/usr/share/fish/vendor_completions.d/{name}.fish"), "-rw-r--r--"),
        (format!("/usr/share/doc/{name}/copyright"), "-rw-r--r--"),
        (format!("/usr/share/doc/{name}/changelog.Debian.gz"), "-rw-r--r--"),
        (format!("/usr/share/doc/{name}/changelog.gz"), "-rw-r--r--"),
        (format!("/usr/share/doc/{name}/README.md"), "-rw-r--r--"),
        (format!("/usr/share/doc/{name}/docs/configuration.md"), "-rw-r--r--"),
        (format!("/usr/share/doc/{name}/THIRD-PARTY.gz"), "-rw-r--r--"),
        (format!("/usr/share/{name}/launcher.sh"), "-rwxr-xr-x"),
        (format!("/usr/share/{name}/example.conf"), "-rw-r--r--"),
        (format!("/usr/share/{name}/KafkaShellSpout.java"), "-rw-r--r--"),
    ] {
        let found = files.get(&file).unwrap_or_else(|| panic!("no {file} in {files:#?}"));
        assert_eq!(found, &(mode.to_owned(), "root/root".to_owned()), "{file}");
    }
    let field = |name| run(Command::new("dpkg-deb").arg("-f").arg(package(".deb")).arg(name)).trim().to_owned();
    assert_eq!(field("Version"), format!("{}-1", env!("CARGO_PKG_VERSION")));
    assert!(field("Depends").starts_with("libc6 (>= 2."), "{}", field("Depends"));
}

#[test]
fn the_tarball_unpacks_to_a_program_that_runs() {
    let (_dir, top) = unpacked();
    let printed = run(Command::new(top.join("bin/kafka-shell-spout")).arg("--version"));
    assert!(printed.starts_with(&format!("kafka-shell-spout {}\n", env!("CARGO_PKG_VERSION"))), "{printed}");
    for file in ["LICENSE", "CHANGELOG.md", "share/doc/kafka-shell-spout/README.md", "share/man/man1"] {
        assert!(top.join(file).exists(), "no {file}");
    }
}

#[test]
fn the_man_pages_render_without_warnings() {
    let (_dir, top) = unpacked();
    let pages = top.join("share/man/man1");
    for page in pages.read_dir().expect("the directory").flatten() {
        run(Command::new("gunzip").arg(page.path()));
        let page = page.path().with_extension("");
        for tool in [&["groff", "-man", "-ww", "-z"][..], &["mandoc", "-T", "lint", "-W", "warning"]] {
            if is_there(tool[0]) {
                let output = Command::new(tool[0]).args(&tool[1..]).arg(&page).output().expect("it runs");
                assert_eq!(said(&output), "", "{tool:?}");
            }
        }
    }
    let text = std::fs::read_to_string(pages.join("kafka-shell-spout.1")).expect("a page");
    for words in ["kafka\\-shell\\-spout\\-spout(1)", "2023\\-11\\-14", "multilang"] {
        assert!(text.contains(words) || text.contains(&words.replace('\\', "")), "no {words:?} in:\n{text}");
    }
}

#[test]
fn completions_load_and_complete() {
    let (_dir, top) = unpacked();
    let share = top.join("share");
    let bash = share.join("bash-completion/completions/kafka-shell-spout");
    let script = "source \"$0\"; COMP_WORDS=(kafka-shell-spout sp) COMP_CWORD=1; \
        function=$(complete -p kafka-shell-spout | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
        $function kafka-shell-spout sp kafka-shell-spout; echo \"${COMPREPLY[@]}\"";
    assert_eq!(run(Command::new("bash").args(["-euc", script]).arg(bash)).trim(), "spout");
    let (zsh, fish) = ("zsh/site-functions/_kafka-shell-spout", "fish/vendor_completions.d/kafka-shell-spout.fish");
    for (shell, file) in [("zsh", zsh), ("fish", fish)] {
        let file = share.join(file);
        assert!(file.exists(), "no {}", file.display());
        if is_there(shell) {
            run(Command::new(shell).arg("-n").arg(file));
        }
    }
}

#[test]
fn the_checksums_hold_and_name_every_package() {
    let checked = run(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(PACKAGES.path()));
    let files = PACKAGES.path().read_dir().expect("the directory").count();
    assert_eq!(checked.lines().count(), files - 1, "{checked}");
}

#[test]
fn the_same_program_makes_the_same_packages() {
    let again = make();
    let sums = |dir: &TempDir| std::fs::read_to_string(dir.path().join("SHA256SUMS")).expect("checksums");
    assert_eq!(sums(&again), sums(&PACKAGES));
}

#[test]
fn the_jar_has_program_and_script_and_classes_that_java_8_takes() {
    let dir = tempfile::tempdir().expect("a directory");
    run(Command::new("jar").arg("xf").arg(package(".jar")).current_dir(dir.path()));
    let program = std::fs::read(dir.path().join("resources/kafka-shell-spout")).expect("the program");
    assert!(program.starts_with(b"\x7fELF"));
    assert!(dir.path().join("resources/launcher.sh").exists());
    for class in ["KafkaShellSpout", "NativeKafkaSpout", "example/ExampleTopology", "example/LogBolt"] {
        let file = dir.path().join("io/github/kafkashellspout").join(class).with_extension("class");
        let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(bytes[6..8], [0, 52], "{class}: its major version is not that of Java 8");
    }
}

#[test]
fn the_example_configuration_is_understood() {
    let (dir, top) = unpacked();
    let handshake = format!(
        r#"{{"pidDir":"{}","conf":{{"topology.name":"t","storm.zookeeper.servers":["localhost"],"storm.zookeeper.port":1}},"context":{{"componentid":"kafka","taskid":2,"task->component":{{"2":"kafka"}},"streams":["default"],"stream->outputfields":{{"default":["value"]}}}}}}"#,
        dir.path().display()
    );
    std::fs::write(dir.path().join("stdin"), format!("{handshake}\nend\n")).expect("a file");
    let ended_with = |config: &Path| {
        let mut spout = Command::new(top.join("bin/kafka-shell-spout"));
        // Its stdin ends after the handshake, and so does the program.
        let stdin = std::fs::File::open(dir.path().join("stdin")).expect("a file");
        let output = spout.args(["spout", "--config"]).arg(config).stdin(stdin).output().expect("the program starts");
        (output.status.code(), said(&output))
    };
    let example = top.join("share/kafka-shell-spout/example.conf");
    let (code, printed) = ended_with(&example);
    assert!(printed.starts_with("{\"pid\":"), "{printed}");
    // 69: the brokers, which there are none of, were still looked for, and not waited for.
    assert!(matches!(code, Some(0 | 69)), "{code:?}: {printed}");
    // It was read: with one wrong key in it, the program ends with another code.
    let wrong = dir.path().join("wrong.conf");
    let text = std::fs::read_to_string(example).expect("the example");
    std::fs::write(&wrong, text + "\nkafka.spout.no.such.key=1\n").expect("a file");
    let (code, printed) = ended_with(&wrong);
    assert!(code == Some(78) && printed.contains("kafka.spout.no.such.key"), "{code:?}: {printed}");
}

#[test]
fn libraries_that_not_every_system_has_are_found() {
    let foreign = |program: &str| {
        let script = ". scripts/lib/portable.sh; foreign_libraries \"$0\"";
        run(Command::new("bash").args(["-euo", "pipefail", "-c", script, program]).current_dir(root()))
    };
    assert_eq!(foreign("/bin/true"), "");
    assert!(foreign("/bin/bash").contains("libtinfo.so."), "{:?}", foreign("/bin/bash"));
}
