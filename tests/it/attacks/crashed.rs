//! A10: killed at random moments, it leaves nothing more than the journal says it holds; and where the journal's key was in
//! memory, what is left of a journal on the disk after the close is noise. The short form looks at the journal's own blocks by a
//! second name of the file, the long form (`make image`) at the whole image of the file system that it was deleted from.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::task::JoinSet;

use super::{
    super::{
        api::{Api, SITE},
        server::{Home, Server, until},
        traces::Search,
    },
    crowd::{self, Known},
};

const KILLS: u32 = 5;

fn install(sabotage: &str) -> Home {
    let home = Home::at("2026-11-20T12:00:00Z");
    let home = if sabotage.is_empty() { home } else { home.sabotaged(sabotage) };
    let home = match std::env::var_os("IMAGE_MOUNTED") {
        Some(folder) => home.with_data_in(Path::new(&folder)),
        None => home,
    };
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    home
}

fn serve(home: &Home) -> Server {
    let run = home.runtime.path().join("run");
    let flags = ["--runtime", run.to_str().unwrap(), "--durability", "process", "--flush-interval", "1s"];
    home.serve_with(&flags)
}

/// Kills a server in the midst of a load, once some hits were acknowledged.
async fn kill_under_load(server: Server, crowd: &Arc<Vec<Known>>, hits: u64) -> String {
    let (acknowledged, mut lanes) = (Arc::<AtomicU64>::default(), JoinSet::new());
    for lane in 0..8 {
        let (api, crowd, acknowledged) = (Api::of(&server), crowd.clone(), acknowledged.clone());
        lanes.spawn(async move {
            for n in (lane..).step_by(8) {
                if crowd[n % crowd.len()].try_view(&api, &format!("/{}", n % 50)).await != Some(202) {
                    return;
                }
                acknowledged.fetch_add(1, Relaxed);
            }
        });
    }
    until("a load", || (acknowledged.load(Relaxed) >= hits).then_some(()));
    server.kill()
}

/// Closes the day, and stops in good order. Journal and key are gone then.
fn close(home: &Home, server: Server) -> String {
    home.set_clock("2026-11-21T00:01:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
    until("the day is in the store", || {
        let there = |folder| home.files(folder).iter().any(|name| name.contains("1-2026-11-20"));
        (!there("journal") && !there("releases")).then_some(())
    });
    let keys = fs::read_dir(home.runtime.path().join("run/keys")).unwrap();
    let left =
        keys.filter(|key| key.as_ref().unwrap().file_name().to_string_lossy().contains("2026-11-20")).count();
    assert_eq!(left, 0, "the day's keys are gone");
    server.stop().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_leaves_no_more_than_the_journal_holds() {
    let home = install("");
    let crowd = Arc::new(crowd::known(60));
    let who = Search::new(crowd::who(&crowd));
    let mut rng = StdRng::seed_from_u64(10);
    let mut salts = Vec::new();
    let run = home.runtime.path().join("run");
    for kill in 0..KILLS {
        let output = kill_under_load(serve(&home), &crowd, rng.random_range(1..400)).await;
        salts.extend(crowd::salts(&home).into_iter().map(|(_, salt)| salt));
        let secrets = Search::new(crowd::secrets(&salts, &crowd));
        for (what, folder) in [("data", home.data.path()), ("runtime", &run)] {
            assert_eq!(who.files(folder), Vec::<PathBuf>::new(), "kill {kill}: who, in {what}");
        }
        assert_eq!(secrets.files(home.data.path()), Vec::<PathBuf>::new(), "kill {kill}: salts and keys");
        assert!(!secrets.files(&run).is_empty(), "in memory's directory they are, until midnight");
        assert!(!who.is_in(output.as_bytes()) && !secrets.is_in(output.as_bytes()));
    }
    let output = close(&home, serve(&home));
    let all = Search::new([crowd::who(&crowd), crowd::secrets(&salts, &crowd)].concat());
    for folder in [home.data.path(), &run] {
        assert_eq!(all.files(folder), Vec::<PathBuf>::new(), "after the close");
    }
    assert!(!all.is_in(output.as_bytes()));
    // A build that puts keys into its records in the clear is seen to leave them.
    let home = install("journal_plain,hash_stored");
    kill_under_load(serve(&home), &crowd, 100).await;
    let salts: Vec<_> = crowd::salts(&home).into_iter().map(|(_, salt)| salt).collect();
    assert!(
        !Search::new(crowd::secrets(&salts, &crowd)).files(home.data.path()).is_empty(),
        "keys are found"
    );
}

/// What a journal's frames hold beside their headers (`src/journal/frame.rs` says how they lie), each as far as it lies in
/// the block in which it begins: what follows in an image may be of another file.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    const HEADER: usize = 48;
    const BLOCK: usize = 4096;
    let marks = aho_corasick::AhoCorasick::new(["fRmE"]).unwrap();
    let frame = |at: usize| {
        let length = u32::from_le_bytes(*bytes.get(at + 4..)?.first_chunk()?) as usize;
        let (from, block_ends) = (at + HEADER, (at / BLOCK + 1) * BLOCK);
        bytes.get(from..(from + length).min(block_ends))
    };
    marks.find_iter(bytes).filter_map(|mark| frame(mark.start())).flatten().copied().collect()
}

/// How far bytes are from noise: chi-squared over their 256 values, which is 255 ± 23 for noise.
fn distance_from_noise(bytes: &[u8]) -> f64 {
    let mut counts = [0_u64; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let expected = bytes.len() as f64 / 256.0;
    counts.iter().map(|&n| (n as f64 - expected).powi(2) / expected).sum()
}

/// One time in 10^9 noise is as far from noise as this.
const NOISE_MAX: f64 = 400.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stdout, reason = "the figures of the long form")]
async fn a_deleted_journal_is_noise_where_its_key_was_in_memory() {
    for fault in ["", "journal_plain", "journal_plain,hash_stored"] {
        let home = install(fault);
        let crowd = crowd::known(60);
        let server = serve(&home);
        let api = Api::of(&server);
        for n in 0..300 {
            assert_eq!(crowd[n % 60].view(&api, SITE, &format!("/page-{}", n % 40)).await, 202);
        }
        let salts: Vec<_> = crowd::salts(&home).into_iter().map(|(_, salt)| salt).collect();
        assert!(!salts.is_empty());
        let second_name = home.data.path().join("second name");
        fs::hard_link(home.data.path().join("journal/1-2026-11-20.journal"), &second_name).unwrap();
        close(&home, server);
        let left = match std::env::var_os("IMAGE_FILE") {
            None => fs::read(&second_name).unwrap(),
            Some(image) => {
                // Deleted for good; then all that the disk has of it.
                fs::remove_file(&second_name).unwrap();
                assert!(std::process::Command::new("sync").status().unwrap().success());
                fs::read(image).unwrap()
            }
        };
        let sealed = sealed(&left);
        assert!(sealed.len() > 10_000, "{} bytes of a journal are left to look at", sealed.len());
        let distance = distance_from_noise(&sealed);
        println!("{fault}: {} bytes of frames, chi-squared {distance:.0} (noise: 255)", sealed.len());
        assert_eq!(distance < NOISE_MAX, fault.is_empty(), "{fault}: {distance}");
        // Where the text is plain it is read as such: it holds pages, but nobody.
        let page = Search::new([format!("{SITE}/page-7").into_bytes()]);
        assert_eq!(page.is_in(&left), fault == "journal_plain", "{fault}: pages");
        assert!(!Search::new(crowd::who(&crowd)).is_in(&left), "{fault}: addresses and user agents");
        let secrets = Search::new(crowd::secrets(&salts, &crowd));
        assert_eq!(secrets.is_in(&left), fault.contains("hash_stored"), "{fault}: salts and keys");
    }
}
