//! Power loss: after a kill, the data directory is put back to what its syncs made durable, and memory is empty.
//!
//! `tests/faults/power.c` writes down what each sync made durable. All that was not synced is lost: the worst that
//! POSIX allows where a file's own sync makes its name durable too, as the common file systems do.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::UNIX_EPOCH,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    super::{
        faults::{self, Act, Call, Rule},
        server::{Server, until},
    },
    install::{Install, Keeping},
    places::{Kind, LANES, hits, live},
};

/// What is durable of a data directory.
pub struct Mirror {
    folder: tempfile::TempDir,
    root: PathBuf,
}

/// A file or folder, as the library names it.
fn key(path: &Path) -> String {
    let found = fs::metadata(path).unwrap();
    let born = found.created().unwrap().duration_since(UNIX_EPOCH).unwrap();
    format!("{}-{}-{}", found.ino(), born.as_secs(), born.subsec_nanos())
}

impl Mirror {
    /// All that is there now is durable.
    pub fn of(root: &Path) -> Mirror {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let mirror = Mirror { folder, root: root.canonicalize().unwrap() };
        mirror.take(&mirror.root);
        mirror
    }

    fn at(&self, key: &str, kind: &str) -> PathBuf {
        self.folder.path().join(format!("{key}.{kind}"))
    }

    fn take(&self, path: &Path) {
        let own = key(path);
        fs::write(self.at(&own, "at"), format!("0 {}\n", path.display())).unwrap();
        if !path.is_dir() {
            fs::copy(path, self.at(&own, "file")).unwrap();
            return;
        }
        let mut list = String::new();
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let kind = if entry.path().is_dir() { 'd' } else { 'f' };
            list += &format!("{} {kind} {}\n", key(&entry.path()), entry.file_name().to_str().unwrap());
            self.take(&entry.path());
        }
        fs::write(self.at(&own, "folder"), list).unwrap();
    }

    pub fn over(&self, command: &mut Command) {
        let preload = command.get_envs().find(|(name, _)| *name == "LD_PRELOAD").and_then(|(_, value)| value);
        let mut preload = preload.unwrap_or_default().to_owned();
        preload.push(":");
        static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
        preload.push(LIBRARY.get_or_init(|| faults::compiled("power")));
        command.env("LD_PRELOAD", preload);
        command.env("POWER_MIRROR", self.folder.path()).env("POWER_ROOT", &self.root);
    }

    /// Names of a folder and what they stand for (and whether that is a folder): its last list, and the names of
    /// files that were synced later.
    fn names(&self, folder: &str) -> BTreeMap<String, (String, bool)> {
        let Ok(list) = fs::read_to_string(self.at(folder, "folder")) else { return BTreeMap::new() };
        let (listed, path) = self.when(&self.at(folder, "at"));
        let mut names = BTreeMap::new();
        for line in list.lines() {
            let [key, kind, name] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
            names.insert(name.to_owned(), (key.to_owned(), kind == "d"));
        }
        let mut later: Vec<(u64, PathBuf, String)> = Vec::new();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let at = entry.unwrap().path();
            let name = at.file_name().unwrap().to_str().unwrap();
            let Some(key) = name.strip_suffix(".at") else { continue };
            let (synced, file) = self.when(&at);
            if synced > listed && file.parent() == Some(&path) && self.at(key, "file").exists() {
                later.push((synced, file, key.to_owned()));
            }
        }
        later.sort();
        for (_, file, key) in later {
            names.retain(|_, (other, _)| *other != key);
            names.insert(file.file_name().unwrap().to_str().unwrap().to_owned(), (key, false));
        }
        names
    }

    fn when(&self, at: &Path) -> (u64, PathBuf) {
        let text = fs::read_to_string(at).unwrap();
        let (when, path) = text.trim_end().split_once(' ').unwrap();
        (when.parse().unwrap(), path.trim_end_matches(" (deleted)").into())
    }

    /// Puts the directory back to what is durable, and begins anew from there.
    pub fn lose_power(self) -> Mirror {
        let own = key(&self.root);
        let fresh = tempfile::tempdir_in(self.root.parent().unwrap()).unwrap();
        let picture = fresh.path().join("picture");
        self.restore(&own, &picture);
        for entry in fs::read_dir(&self.root).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        for entry in fs::read_dir(&picture).unwrap() {
            let entry = entry.unwrap();
            fs::rename(entry.path(), self.root.join(entry.file_name())).unwrap();
        }
        Mirror::of(&self.root)
    }

    fn restore(&self, folder: &str, to: &Path) {
        fs::create_dir(to).unwrap();
        fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
        for (name, (key, is_folder)) in self.names(folder) {
            let to = to.join(name);
            match (is_folder, self.at(&key, "file").exists()) {
                (true, _) => self.restore(&key, &to),
                (_, true) => drop(fs::copy(self.at(&key, "file"), &to).unwrap()),
                // Its name is durable and nothing that was written to it.
                _ => fs::write(&to, []).unwrap(),
            }
        }
    }
}

/// A life with an end somewhere, a power loss, and the next start; some of them end in the middle of a start.
#[allow(clippy::print_stdout, reason = "the figures are what the long form is run for")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_power_losses() {
    let mut install = Install::new(Keeping::Power, LANES, 4);
    install.mirror = Some(Mirror::of(install.home.data.path()));
    let mut rng = StdRng::seed_from_u64(4);
    let (mut killed, lives) = (0, super::cycles(5, 4));
    let mut losses = lives;
    for loss in 0..lives {
        let kind = KINDS[rng.random_range(0..KINDS.len())];
        let what = format!("power loss {loss}, {kind:?}");
        killed += u32::from(live(&mut install, kind, rng.random_range(0..6)).await);
        install.faults.clear();
        install.lose_power();
        if rng.random_bool(0.5) {
            // The power goes again while it starts.
            install.faults.set(&[Rule::once(Call::Sync, "/journal", rng.random_range(0..6), Act::Kill)]);
            let mut server = Server::spawn(install.command());
            until("the start ends", || {
                (!server.is_running() || server.said("Mayfly serves ").is_some()).then_some(())
            });
            server.kill();
            install.faults.clear();
            install.lose_power();
            losses += 1;
        }
        // What was not synced is gone; what comes now has a salt of its own.
        let server = install.start_and_check(&what).await;
        hits(&mut install, &server).await;
        server.kill();
    }
    let server = install.start_and_check("after the last power loss").await;
    server.kill();
    install.check_stored("after the last power loss");
    println!(
        "{lives} lives, {killed} of them ended at a call, {losses} power losses; {} hits counted",
        install.counted()
    );
}

/// Around each call that makes something durable, or could have been forgotten to.
const KINDS: [Kind; 10] = [
    Kind { call: Call::Sync, path: "/journal", act: Act::Kill },
    Kind { call: Call::Sync, path: "/journal", act: Act::KillAfter },
    Kind { call: Call::Write, path: "/journal", act: Act::KillAfter },
    Kind { call: Call::Rename, path: "/journal", act: Act::KillAfter },
    Kind { call: Call::Unlink, path: "/journal", act: Act::KillAfter },
    Kind { call: Call::Sync, path: "/releases", act: Act::KillAfter },
    Kind { call: Call::Rename, path: "/releases", act: Act::KillAfter },
    Kind { call: Call::Unlink, path: "/releases", act: Act::KillAfter },
    Kind { call: Call::Sync, path: "/mayfly.duckdb", act: Act::Kill },
    Kind { call: Call::Write, path: "/mayfly.duckdb", act: Act::KillAfter },
];
