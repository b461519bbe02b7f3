//! A real ClickHouse for tests: the `clickhouse` on the path where there is one, else the engine of `chdb-core`
//! behind the small server beside this file, which also fails when it is told to.

// Each program of tests uses a part of it.
#![allow(dead_code)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Longest wait for the engine to serve.
const START_MAX: Duration = Duration::from_secs(60);

/// One engine. It ends when this goes, and with the process.
pub struct Engine {
    /// It ends at the end of its input.
    input: Option<ChildStdin>,
    child: Child,
    pub port: u16,
    /// The server of ours, which has faults.
    pub ours: bool,
    databases: AtomicU32,
}

/// The engine that all tests of this process share.
pub fn shared() -> &'static Engine {
    static ENGINE: OnceLock<(tempfile::TempDir, Engine)> = OnceLock::new();
    let (_, engine) = ENGINE.get_or_init(|| {
        // In a static nothing is dropped: the folder is left to the engine, which removes it at its end.
        let folder = tempfile::Builder::new().prefix("mayfly-clickhouse-").tempdir().unwrap();
        let engine = Engine::start(folder.path(), 0, &["--remove"]);
        (folder, engine)
    });
    engine
}

/// Where the engine's Python is: scripts/clickhouse.sh puts it there.
fn python() -> PathBuf {
    let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let python = cache.expect("HOME is set").join("mayfly/chdb/bin/python");
    assert!(
        python.exists(),
        "no ClickHouse to test with: run `make clickhouse` (it fetches one into {python:?})"
    );
    python
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("clickhouse")).find(|file| file.is_file())
}

impl Engine {
    /// Starts an engine over a folder, on a port or on a free one; what it held before is there.
    pub fn start(folder: &Path, port: u16, more: &[&str]) -> Engine {
        match on_path() {
            Some(clickhouse) if more.iter().all(|one| *one == "--remove") => {
                Engine::server(&clickhouse, folder, port)
            }
            _ => Engine::own(folder, port, more),
        }
    }

    fn own(folder: &Path, port: u16, more: &[&str]) -> Engine {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clickhouse/engine.py");
        let mut command = Command::new(python());
        command.arg(script).arg(folder).arg(port.to_string()).args(more);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port =
            line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("the engine said {line:?}"));
        let port = port.parse().unwrap();
        Engine { input: child.stdin.take(), child, port, ours: true, databases: AtomicU32::new(0) }
    }

    /// A real server. A shell ends it when this process goes, however it goes.
    fn server(clickhouse: &Path, folder: &Path, port: u16) -> Engine {
        let port = match port {
            0 => TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
            port => port,
        };
        let config = folder.join("config.xml");
        let users = "<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default\
                     </profile><quota>default</quota><access_management>1</access_management></default></users>\
                     <profiles><default/></profiles><quotas><default/></quotas>";
        let text = format!(
            "<clickhouse><http_port>{port}</http_port><listen_host>127.0.0.1</listen_host><path>{0}/</path>\
             <tmp_path>{0}/tmp/</tmp_path><user_files_path>{0}/files/</user_files_path>\
             <users_config>config.xml</users_config>{users}<mark_cache_size>100000000</mark_cache_size>\
             <logger><level>error</level><console>0</console></logger></clickhouse>",
            folder.display()
        );
        std::fs::write(&config, text).unwrap();
        let shell = "\"$0\" server --config-file \"$1\" >/dev/null 2>&1 & pid=$!; cat >/dev/null; kill $pid; wait $pid";
        let mut command = Command::new("sh");
        command.args(["-c", shell]).arg(clickhouse).arg(config);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let engine =
            Engine { input: child.stdin.take(), child, port, ours: false, databases: AtomicU32::new(0) };
        let end = Instant::now() + START_MAX;
        while engine.asked("GET", "/ping", "").is_none() {
            assert!(Instant::now() < end, "{} did not serve", clickhouse.display());
            std::thread::park_timeout(Duration::from_millis(50));
        }
        engine
    }

    /// The URL of a database that no other test has.
    pub fn fresh(&self) -> String {
        let number = self.databases.fetch_add(1, Relaxed);
        self.url(&format!("t{}_{number}", std::process::id()))
    }

    pub fn url(&self, database: &str) -> String {
        format!("clickhouse://127.0.0.1:{}/{database}?compression=none", self.port)
    }

    /// Runs a statement, and returns the answer as tab-separated text.
    #[track_caller]
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let path = format!("/?database={database}");
        self.asked("POST", &path, sql).unwrap_or_else(|| panic!("{sql} failed"))
    }

    /// How the next queries fail; see engine.py.
    pub fn fail(&self, faults: &str) {
        assert!(self.ours, "only the server of ours fails when it is told to");
        self.asked("POST", "/engine/fault", faults).expect("the faults are taken");
    }

    /// How many questions were asked so far, and the rows and bytes that were read for them.
    pub fn read(&self) -> [u64; 3] {
        assert!(self.ours, "only the server of ours tells what it read");
        let told = self.asked("POST", "/engine/read", "").expect("it tells");
        let mut numbers = told.split(' ').map(|number| number.parse().unwrap());
        std::array::from_fn(|_| numbers.next().unwrap())
    }

    /// The body of a good answer.
    fn asked(&self, method: &str, path: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
    }

    /// Ends it as a crash does, and waits until it is gone.
    pub fn kill(mut self) {
        if self.ours {
            self.child.kill().expect("it runs");
        }
        drop(self);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
