//! The journal over real files, and over sinks that fail.

mod commits;
mod files;

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

const DAY: FileId = FileId { site: SiteId(12), day: Day(20_779) };

struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench { dir: TempDir::new().unwrap() }
    }

    fn start(&self) -> Journal {
        Journal::start(self.config()).unwrap()
    }

    fn config(&self) -> JournalConfig {
        JournalConfig::new(self.dir.path().join("journal"), self.dir.path().join("keys"))
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("journal").join(format!("{DAY}.journal"))
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("keys").join(format!("{DAY}.journal-key"))
    }

    /// A journal of these frames, closed again.
    fn write(&self, frames: &[&[&[u8]]]) {
        let journal = self.start();
        let opened = journal.open(DAY, |_, _| {}).unwrap();
        for frame in frames {
            // One frame for each flush, as long as the thread cannot get between: it holds the queue.
            let mut queue = journal.shared.lock();
            queue.hold(true);
            drop(queue);
            let tickets: Vec<_> = frame.iter().map(|r| journal.append(&opened.handle, r).unwrap()).collect();
            journal.shared.lock().hold(false);
            journal.shared.wake();
            tickets.iter().for_each(|ticket| ticket.wait().unwrap());
        }
        journal.close(opened.handle);
    }

    fn read(&self) -> Result<(Vec<Vec<u8>>, Opened), OpenError> {
        let journal = self.start();
        let mut records = Vec::new();
        let opened = journal.open(DAY, |seq, record| {
            records.push(record.to_vec());
            assert_eq!(seq, records.len() as u64);
        })?;
        Ok((records, opened))
    }
}

const FRAMES: [&[&[u8]]; 3] = [&[b"one", b"", b"three"], &[b"four"], &[b"five", b"six with more bytes"]];

fn records_of(frames: &[&[&[u8]]]) -> Vec<Vec<u8>> {
    frames.iter().flat_map(|frame| frame.iter().map(|record| record.to_vec())).collect()
}
