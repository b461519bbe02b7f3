//! A real Mayfly for one test: its own directories, a port of its own, and a wall clock that the test moves.
//!
//! The clock stands still until it is moved (libfaketime, from outside: the binary knows nothing of it), so a
//! test knows the second of every hit. Timers run on.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;
use mayfly::domain::day::UnixMs;
use tempfile::TempDir;

use super::faults::Faults;

/// Longest wait for anything: a debug binary on two busy processors is slow.
pub const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// The directories and the clock of one install; they outlive its processes.
pub struct Home {
    pub data: TempDir,
    /// Memory-backed.
    pub runtime: TempDir,
    clock: PathBuf,
    sabotages: Option<String>,
}

impl Home {
    /// An install whose clock stands at an instant, such as `2026-10-24T12:00:00Z`.
    pub fn at(instant: &str) -> Home {
        let runtime = tempfile::Builder::new().prefix("mayfly-").tempdir_in("/dev/shm");
        let home = Home {
            data: TempDir::with_prefix("mayfly-").unwrap(),
            runtime: runtime.expect("tests need /dev/shm"),
            clock: PathBuf::new(),
            sabotages: None,
        };
        let home = Home { clock: home.runtime.path().join("clock"), ..home };
        home.set_clock(instant.parse::<Timestamp>().unwrap().as_millisecond());
        home
    }

    /// When the files of the embedded store changed last.
    pub fn store_changed(&self) -> Option<SystemTime> {
        let files = ["mayfly.duckdb", "mayfly.duckdb.wal"].map(|name| self.data.path().join(name));
        files.iter().filter_map(|path| fs::metadata(path).ok()?.modified().ok()).max()
    }

    /// Run by the build that has faults, with those of a comma list (`src/sabotage.rs`); none for an empty one.
    pub fn sabotaged(self, sabotages: &str) -> Home {
        Home { sabotages: Some(sabotages.to_owned()), ..self }
    }

    /// With its data directory in a folder.
    pub fn with_data_in(self, folder: &Path) -> Home {
        Home { data: TempDir::new_in(folder).unwrap(), ..self }
    }

    /// Stops the clock of this install's processes at an instant, to the second.
    pub fn set_clock(&self, at: UnixMs) {
        let text = Timestamp::from_millisecond(at).unwrap().strftime("%Y-%m-%d %H:%M:%S\n").to_string();
        let new = self.clock.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.clock).unwrap();
    }

    /// A command of the binary on this install, under its clock and with no setting of the caller's shell.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(if self.sabotages.is_some() { sabotaged() } else { binary() });
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MAYFLY_")) {
            command.env_remove(name);
        }
        if let Some(sabotages) = &self.sabotages {
            command.env("MAYFLY_SABOTAGE", sabotages);
        }
        command
            .current_dir(self.data.path())
            .env("LD_PRELOAD", faketime())
            .env("FAKETIME_TIMESTAMP_FILE", &self.clock)
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
            .env("TZ", "UTC")
            .env("MAYFLY_DATA", self.data.path())
            .args(arguments);
        command
    }

    /// Runs a command to its end and returns what it printed.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Starts a server with the install's runtime directory.
    pub fn serve(&self) -> Server {
        let runtime = self.runtime.path().join("run");
        self.serve_with(&["--runtime", runtime.to_str().unwrap()])
    }

    /// Starts a server; returns once it serves.
    pub fn serve_with(&self, flags: &[&str]) -> Server {
        Server::start(self.serving(flags))
    }

    /// Starts a server whose calls on files follow rules; returns once it serves.
    pub fn serve_with_faults(&self, faults: &Faults, flags: &[&str]) -> Server {
        let mut command = self.serving(flags);
        faults.over(&mut command);
        Server::start(command)
    }

    /// The command that serves on a free port.
    pub fn serving(&self, flags: &[&str]) -> Command {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("MAYFLY_GEO", geo()).args(flags);
        command
    }

    /// The command that serves on a socket which the caller holds, as a service manager hands it over.
    pub fn serving_on(&self, socket: &TcpListener, flags: &[&str]) -> Command {
        let served = self.serving(flags);
        let mut command = Command::new("sh");
        command.args(["-c", "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\""]);
        command.arg(served.get_program()).args(served.get_args()).current_dir(self.data.path());
        for (name, value) in served.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(OwnedFd::from(socket.try_clone().unwrap()));
        command
    }

    /// Rules for the servers of this install; none yet.
    pub fn faults(&self) -> Faults {
        Faults::in_folder(self.runtime.path())
    }

    /// The names of the files in a folder of the data directory.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.data.path().join(folder)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| name != "lock");
        names
    }
}

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    /// `http://127.0.0.1:PORT`
    pub origin: String,
    ended: Option<ExitStatus>,
}

impl Server {
    /// Starts a server; returns once it serves.
    #[track_caller]
    pub fn start(command: Command) -> Server {
        let mut server = Server::spawn(command);
        server.origin = until("the server starts", || {
            let running = server.is_running();
            let origin = server.said("Mayfly serves ");
            assert!(running || origin.is_some(), "the server did not start: {}", server.output());
            origin
        });
        server
    }

    /// Starts a server that may not come to serve: it has no origin yet.
    pub fn spawn(mut command: Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            read(child.stdout.take().unwrap(), output.clone()),
            read(child.stderr.take().unwrap(), output.clone()),
        ];
        Server { child, output, readers, origin: String::new(), ended: None }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended by itself, and returns its exit code (none where a signal ended it) and its output.
    #[track_caller]
    pub fn ended(mut self) -> (Option<i32>, String) {
        until("the server ends", || self.child.try_wait().unwrap());
        let output = self.end();
        (self.ended.and_then(|status| status.code()), output)
    }

    /// The most memory that the process has held so far, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// All that it has written to standard output and standard error.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// The rest of the line that begins with `start`, once it is there.
    pub fn said(&self, start: &str) -> Option<String> {
        let output = self.output();
        let (_, rest) = output.split_once(start)?;
        rest.split_once('\n').map(|(line, _)| line.to_owned())
    }

    /// `kill -9`: it gets no chance to do anything. Returns its output.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.end()
    }

    /// Sends a signal: `TERM`, `HUP` ...
    pub fn signal(&self, name: &str) {
        let asked =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
    }

    /// SIGTERM; waits until it has ended, and returns its exit code and its output.
    pub fn stop(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.ended()
    }

    fn end(&mut self) -> String {
        self.ended = Some(self.child.wait().unwrap());
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        self.output()
    }
}

impl Drop for Server {
    #[allow(clippy::print_stdout, reason = "a test that fails shows what its server said")]
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            if std::thread::panicking() {
                println!("{}", self.output());
            }
        }
    }
}

fn read(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut part) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&part[..n]));
        }
    })
}

/// Asks until there is an answer. The only pause of the tests, between two questions to another process; nothing
/// depends on how long it is.
#[track_caller]
pub fn until<T>(what: impl std::fmt::Display, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// [`until`] for questions that are asked over HTTP.
pub async fn until_answered<T>(what: impl std::fmt::Display, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE * 2;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "not within {:?}: {what}", PATIENCE * 2);
        tokio::time::sleep(PAUSE).await;
    }
}

/// The binary that tests run.
pub fn binary() -> PathBuf {
    match std::env::var_os("MAYFLY_BIN") {
        Some(path) => Path::new(env!("CARGO_MANIFEST_DIR")).join(path),
        None => env!("CARGO_BIN_EXE_mayfly").into(),
    }
}

/// The build that can be told to have faults.
pub fn sabotaged() -> PathBuf {
    let path = binary().with_file_name("mayfly-sabotaged");
    assert!(path.exists(), "attacks need a build with faults: run `make sabotaged`");
    path
}

fn faketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|folder| folder.unwrap().path());
    let mut libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    libraries.find(|path| path.exists()).expect("tests need Debian's libfaketime: run `make tools`")
}

pub fn geo() -> PathBuf {
    let file = "node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    assert!(path.exists(), "tests need {file}: run `npm ci`");
    path
}
