//! Jobs: what the command line asks of the process that holds the store, and what became of it.

use rusqlite::{OptionalExtension, Row};

use super::{Control, Result};

/// Most jobs that are remembered; the oldest make room once they have ended.
const JOBS_MAX: u32 = 100;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Waiting,
    Running,
    Done,
    Failed,
}

impl JobState {
    const ALL: [(JobState, &'static str); 4] = [
        (JobState::Waiting, "waiting"),
        (JobState::Running, "running"),
        (JobState::Done, "done"),
        (JobState::Failed, "failed"),
    ];

    fn named(name: &str) -> JobState {
        Self::ALL.iter().find(|(_, one)| *one == name).map_or(JobState::Failed, |(state, _)| *state)
    }
}

/// A job as the table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: i64,
    /// JSON, see `crate::jobs::Request`.
    pub request: String,
    pub state: JobState,
    /// How far it is, what it did, or why it failed.
    pub words: String,
}

impl Control {
    /// Asks for a job; returns its number.
    ///
    /// # Errors
    /// Database errors.
    pub fn add_job(&self, request: &str) -> Result<i64> {
        self.write(|connection| {
            connection.execute("INSERT INTO jobs (request, state) VALUES (?1, 'waiting')", [request])?;
            let id = connection.last_insert_rowid();
            connection.execute(
                "DELETE FROM jobs WHERE state IN ('done', 'failed') AND id <= ?1 - ?2",
                (id, JOBS_MAX),
            )?;
            Ok(id)
        })
    }

    /// A job as it is now.
    ///
    /// # Errors
    /// Database errors.
    pub fn job(&self, id: i64) -> Result<Option<Job>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT * FROM jobs WHERE id = ?1")?;
        Ok(statement.query_row([id], job).optional()?)
    }

    /// Begins the oldest job that waits, if there is one.
    ///
    /// # Errors
    /// Database errors.
    pub fn begin_job(&self) -> Result<Option<Job>> {
        let waits = "SELECT min(id) FROM jobs WHERE state = 'waiting'";
        // Most looks find nothing, and need not write.
        if self.lock().query_row(waits, [], |row| row.get::<_, Option<i64>>(0))?.is_none() {
            return Ok(None);
        }
        self.write(|connection| {
            let sql = format!("UPDATE jobs SET state = 'running' WHERE id = ({waits}) RETURNING *");
            Ok(connection.query_row(&sql, [], job).optional()?)
        })
    }

    /// Whether any job is running.
    ///
    /// # Errors
    /// Database errors.
    pub fn job_runs(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'running')";
        Ok(self.lock().query_row(sql, [], |row| row.get(0))?)
    }

    /// The jobs that are running, or ran when an earlier process ended.
    ///
    /// # Errors
    /// Database errors.
    pub fn running_jobs(&self) -> Result<Vec<Job>> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT * FROM jobs WHERE state = 'running' ORDER BY id")?;
        let found = statement.query_map([], job)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// Says how far a running job is.
    ///
    /// # Errors
    /// Database errors.
    pub fn job_says(&self, id: i64, words: &str) -> Result<()> {
        self.lock().execute("UPDATE jobs SET words = ?2 WHERE id = ?1 AND state = 'running'", (id, words))?;
        Ok(())
    }

    /// Ends a job with what it did, or why it failed.
    ///
    /// # Errors
    /// Database errors.
    pub fn end_job(&self, id: i64, ended: Result<&str, &str>) -> Result<()> {
        let (state, words) = match ended {
            Ok(words) => ("done", words),
            Err(words) => ("failed", words),
        };
        self.lock().execute("UPDATE jobs SET state = ?2, words = ?3 WHERE id = ?1", (id, state, words))?;
        Ok(())
    }

    /// Takes back a job that nobody has begun; tells whether it was in time.
    ///
    /// # Errors
    /// Database errors.
    pub fn take_job_back(&self, id: i64) -> Result<bool> {
        let sql =
            "UPDATE jobs SET state = 'failed', words = 'taken back' WHERE id = ?1 AND state = 'waiting'";
        Ok(self.lock().execute(sql, [id])? > 0)
    }

    /// Tells jobs as failed that ran when an earlier process ended; whoever holds the data directory calls it.
    ///
    /// # Errors
    /// Database errors.
    pub fn fail_left_jobs(&self, words: &str) -> Result<usize> {
        let sql = "UPDATE jobs SET state = 'failed', words = ?1 WHERE state = 'running'";
        Ok(self.lock().execute(sql, [words])?)
    }
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: row.get("id")?,
        request: row.get("request")?,
        state: JobState::named(&row.get::<_, String>("state")?),
        words: row.get("words")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_come_one_after_the_other_and_ended_ones_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        assert_eq!(control.begin_job().unwrap(), None);
        let (first, second) = (control.add_job("1").unwrap(), control.add_job("2").unwrap());
        let begun = control.begin_job().unwrap().unwrap();
        assert_eq!((begun.id, begun.state, control.job_runs().unwrap()), (first, JobState::Running, true));
        control.job_says(first, "half way").unwrap();
        assert_eq!(control.job(first).unwrap().unwrap().words, "half way");
        control.end_job(first, Err("no")).unwrap();
        assert_eq!(control.job(first).unwrap().unwrap().state, JobState::Failed);
        // Taken back before anybody began it, and not after.
        assert!(control.take_job_back(second).unwrap());
        assert_eq!(control.begin_job().unwrap(), None);
        let third = control.add_job("3").unwrap();
        control.begin_job().unwrap();
        assert!(!control.take_job_back(third).unwrap());
        assert_eq!(control.fail_left_jobs("it ended").unwrap(), 1);
        assert_eq!(control.job(third).unwrap().unwrap().words, "it ended");
        for _ in 0..JOBS_MAX {
            let id = control.add_job("more").unwrap();
            control.begin_job().unwrap();
            control.end_job(id, Ok("done")).unwrap();
        }
        assert_eq!(control.job(third).unwrap(), None);
        assert!(control.job(third + 1).unwrap().is_some());
    }
}
