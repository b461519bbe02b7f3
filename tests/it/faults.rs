//! Faults in the files of a server under test, set and lifted while it runs: calls that fail, wait, or are the
//! last thing the process does. `tests/faults/faults.c` sits between the process and the C library and follows
//! the rules written here.
#![allow(dead_code, reason = "the whole vocabulary of the library beside it, used as campaigns need it")]

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Bytes of the control file's head and of each of its rules.
const HEAD: usize = 128;
const RULE: usize = 128;
const RULES_MAX: usize = 16;
const PATH_AT: usize = 24;

/// A kind of call on files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Open = 1,
    Write,
    Sync,
    /// Either name counts.
    Rename,
    Unlink,
    Truncate,
    Mkdir,
    Read,
}

/// What becomes of a call that a rule strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is not made and fails with this error number.
    Errno(i32),
    /// The process is killed instead of it.
    Kill,
    /// The process is killed as it returns.
    KillAfter,
    /// Half of the bytes are written, then the process is killed.
    Torn,
    /// It waits so many milliseconds first.
    DelayMs(u32),
}

impl Act {
    fn numbers(self) -> (u32, u32) {
        match self {
            Act::Errno(number) => (1, number as u32),
            Act::Kill => (2, 0),
            Act::KillAfter => (3, 0),
            Act::Torn => (4, 0),
            Act::DelayMs(ms) => (5, ms),
        }
    }
}

/// Strikes calls on files whose path holds `path`: the `after` first of them pass, the next `times` do not.
#[derive(Clone, Debug)]
pub struct Rule {
    pub call: Call,
    pub path: &'static str,
    pub after: u32,
    pub times: u32,
    pub act: Act,
}

impl Rule {
    /// Strikes every such call until it is lifted.
    pub fn always(call: Call, path: &'static str, act: Act) -> Rule {
        Rule { call, path, after: 0, times: u32::MAX, act }
    }

    /// Strikes the call after the first `after` ones, once.
    pub fn once(call: Call, path: &'static str, after: u32, act: Act) -> Rule {
        Rule { call, path, after, times: 1, act }
    }

    fn bytes(&self) -> [u8; RULE] {
        let (act, arg) = self.act.numbers();
        let mut bytes = [0; RULE];
        for (n, value) in [self.call as u32, act, arg, self.after, self.times].into_iter().enumerate() {
            bytes[n * 4..n * 4 + 4].copy_from_slice(&value.to_ne_bytes());
        }
        assert!(self.path.len() < RULE - PATH_AT, "{} fits", self.path);
        bytes[PATH_AT..PATH_AT + self.path.len()].copy_from_slice(self.path.as_bytes());
        bytes
    }
}

/// The rules that a server follows, with the file that carries them to it. Outlives the server's process.
pub struct Faults {
    file: File,
    path: PathBuf,
}

impl Faults {
    /// No rules yet; the control file is made in `folder`, which has to be memory-backed.
    pub fn in_folder(folder: &Path) -> Faults {
        let path = folder.join("faults");
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
        file.set_len((HEAD + RULES_MAX * RULE) as u64).unwrap();
        Faults { file, path }
    }

    /// Follows these rules from now on, each counting anew.
    pub fn set(&self, rules: &[Rule]) {
        assert!(rules.len() <= RULES_MAX);
        self.clear();
        for (n, rule) in rules.iter().enumerate() {
            self.file.write_all_at(&rule.bytes(), (HEAD + n * RULE) as u64).unwrap();
        }
        self.file.write_all_at(&(rules.len() as u32).to_ne_bytes(), 0).unwrap();
    }

    /// Lets every call pass.
    pub fn clear(&self) {
        self.file.write_all_at(&0_u32.to_ne_bytes(), 0).unwrap();
    }

    /// How many calls a rule was about since it was set, struck or not.
    pub fn met(&self, rule: usize) -> u32 {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, (HEAD + rule * RULE + 20) as u64).unwrap();
        u32::from_ne_bytes(bytes)
    }

    /// Puts a process under these rules, beside whatever else is loaded into it.
    pub fn over(&self, command: &mut Command) {
        let others = command.get_envs().find(|(name, _)| *name == "LD_PRELOAD").and_then(|(_, value)| value);
        let mut preload = others.map(ToOwned::to_owned).unwrap_or_default();
        preload.push(":");
        preload.push(library());
        command.env("LD_PRELOAD", preload).env("FAULTS_FILE", &self.path);
    }
}

fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| compiled("faults"))
}

/// Compiles a library of `tests/faults/`.
pub fn compiled(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/faults/{name}.c"));
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.so", std::process::id()));
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]).arg(&library).arg(source).arg("-ldl");
    let output = compile.output().expect("tests need a C compiler, as building does");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

#[cfg(test)]
mod tests {
    use super::{
        super::server::{Home, Server},
        *,
    };

    /// Runs a Python script under rules and returns what it printed.
    fn under(rules: &[Rule], script: &str) -> (String, Option<i32>, Faults) {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let faults = Faults::in_folder(folder.path());
        faults.set(rules);
        let mut command = Command::new("python3");
        command.args(["-c", script]).current_dir(folder.path());
        faults.over(&mut command);
        let output = command.output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (said, output.status.code(), faults)
    }

    const WRITES: &str = "import os\nfd = os.open('some.file', os.O_CREAT | os.O_RDWR)\nfor n in range(4):\n  \
                          try: os.write(fd, b'12345678'); os.fsync(fd); print('written', os.fstat(fd).st_size, flush=True)\n  \
                          except OSError as error: print(error.strerror, flush=True)\n";

    #[test]
    fn calls_are_struck_from_a_turn_to_a_turn() {
        let full =
            Rule { call: Call::Write, path: "some.file", after: 1, times: 2, act: Act::Errno(libc::ENOSPC) };
        let (said, code, faults) = under(&[full], WRITES);
        assert_eq!(said, "written 8\nNo space left on device\nNo space left on device\nwritten 16\n");
        assert_eq!((code, faults.met(0)), (Some(0), 4));
    }

    #[test]
    fn a_server_can_be_killed_at_a_call_of_its_own() {
        let home = Home::at("2026-11-20T09:30:00Z");
        let faults = home.faults();
        faults.set(&[Rule::once(Call::Write, "/mayfly.duckdb", 3, Act::Torn)]);
        let mut server = Server::spawn({
            let mut command = home.serving(&["--runtime", "none"]);
            faults.over(&mut command);
            command
        });
        assert!(server.is_running());
        assert_eq!((server.ended().0, faults.met(0)), (None, 4));
        faults.clear();
        assert_eq!(home.serve_with_faults(&faults, &["--runtime", "none"]).stop().0, Some(0));
    }

    #[test]
    fn a_process_is_killed_at_the_place_that_was_named() {
        for (act, call) in [(Act::Kill, Call::Sync), (Act::KillAfter, Call::Sync), (Act::Torn, Call::Write)] {
            let (said, code, faults) = under(&[Rule::once(call, "some.file", 1, act)], WRITES);
            assert_eq!((said.as_str(), code, faults.met(0)), ("written 8\n", None, 2), "{act:?}");
        }
    }
}
