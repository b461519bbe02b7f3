//! Notes: what people wrote beside a day of a site, such as "new prices". About the site, never about a visitor.

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, Invalid, Result};
use crate::domain::{day::Day, declaration::SiteId};

/// Most notes of a site.
pub const NOTES_MAX: u32 = 1_000;
/// Longest text of a note, in bytes.
pub const NOTE_BYTES_MAX: usize = 300;

/// A note as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    pub id: i64,
    /// The site's day, `2026-11-22`.
    pub day: String,
    pub text: String,
}

/// A note as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    pub day: String,
    pub text: String,
}

impl NewNote {
    /// The day, and the text in one line.
    fn checked(&self) -> Result<(i32, String), Invalid> {
        let day = Day::parse(&self.day)
            .ok_or_else(|| Invalid::new("day", &self.day, "a date such as `2026-11-22`"))?;
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        match text.len() {
            0 => Err(Invalid::new("text", "", "at least one character")),
            1..=NOTE_BYTES_MAX if !text.chars().any(char::is_control) => Ok((day.0, text)),
            1..=NOTE_BYTES_MAX => Err(Invalid::new("text", &text, "no control characters")),
            _ => Err(Invalid::new("text", &text, format!("at most {NOTE_BYTES_MAX} bytes"))),
        }
    }
}

impl Control {
    /// The notes of a site from one day to another, oldest first.
    ///
    /// # Errors
    /// Database errors.
    pub fn notes(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<Note>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, day, text FROM notes WHERE site = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day, id",
        )?;
        let notes = statement.query_map((site.0, first.0, last.0), |row| {
            Ok(Note { id: row.get(0)?, day: Day(row.get(1)?).to_string(), text: row.get(2)? })
        })?;
        Ok(notes.collect::<rusqlite::Result<_>>()?)
    }

    /// Writes a note; returns it with its number.
    ///
    /// # Errors
    /// [`Invalid`] for a day or a text that is none, and for one note too many.
    pub fn add_note(&self, site: SiteId, note: &NewNote) -> Result<Note> {
        let (day, text) = note.checked()?;
        self.write(|connection| {
            let there: u32 =
                connection
                    .query_row("SELECT count(*) FROM notes WHERE site = ?1", [site.0], |row| row.get(0))?;
            if there >= NOTES_MAX {
                return Err(Invalid::new("notes", there, format!("at most {NOTES_MAX} of a site")).into());
            }
            let sql = "INSERT INTO notes (site, day, text) VALUES (?1, ?2, ?3)";
            connection.execute(sql, (site.0, day, &text))?;
            Ok(Note { id: connection.last_insert_rowid(), day: Day(day).to_string(), text })
        })
    }

    /// Writes a note anew.
    ///
    /// # Errors
    /// As [`Control::add_note`]; [`ControlError::NotFound`] where this site has none of this number.
    pub fn change_note(&self, site: SiteId, id: i64, note: &NewNote) -> Result<Note> {
        let (day, text) = note.checked()?;
        let sql = "UPDATE notes SET day = ?3, text = ?4 WHERE site = ?1 AND id = ?2";
        let changed = self.write(|connection| Ok(connection.execute(sql, (site.0, id, day, &text))?))?;
        found(changed, id).map(|()| Note { id, day: Day(day).to_string(), text })
    }

    /// Removes a note.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] where this site has none of this number.
    pub fn remove_note(&self, site: SiteId, id: i64) -> Result<()> {
        let sql = "DELETE FROM notes WHERE site = ?1 AND id = ?2";
        found(self.write(|connection| Ok(connection.execute(sql, (site.0, id))?))?, id)
    }
}

fn found(rows: usize, id: i64) -> Result<()> {
    match rows {
        0 => Err(ControlError::NotFound { what: "note", name: id.to_string() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::NewSite;

    fn note(day: &str, text: &str) -> NewNote {
        NewNote { day: day.to_owned(), text: text.to_owned() }
    }

    fn control() -> (tempfile::TempDir, Control, [SiteId; 2]) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let sites = ["example.com", "example.org"]
            .map(|host| control.add_site(NewSite::new(host, "UTC"), 0).unwrap().id);
        (folder, control, sites)
    }

    fn told(control: &Control, site: SiteId, first: &str, last: &str) -> Vec<String> {
        let day = |text| Day::parse(text).unwrap();
        control.notes(site, day(first), day(last)).unwrap().into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn notes_are_of_their_site_and_their_days() {
        let (_folder, control, [ours, theirs]) = control();
        let late = control.add_note(ours, &note("2026-11-22", "launch")).unwrap();
        let early = control.add_note(ours, &note("2026-11-02", "  new\n prices ")).unwrap();
        control.add_note(theirs, &note("2026-11-22", "other")).unwrap();
        assert_eq!(told(&control, ours, "2026-11-02", "2026-11-22"), ["new prices", "launch"]);
        assert_eq!(told(&control, ours, "2026-11-03", "2026-11-21"), [""; 0]);
        let changed = control.change_note(ours, late.id, &note("2026-11-21", "relaunch")).unwrap();
        assert_eq!((changed.id, changed.day.as_str()), (late.id, "2026-11-21"));
        for id in [late.id, early.id] {
            assert!(control.change_note(theirs, id, &note("2026-11-21", "x")).is_err());
            assert!(control.remove_note(theirs, id).is_err());
        }
        control.remove_note(ours, early.id).unwrap();
        assert!(control.remove_note(ours, early.id).is_err());
        assert_eq!(told(&control, ours, "2026-01-01", "2026-12-31"), ["relaunch"]);
        control.remove_site("example.com", 0).unwrap();
        assert_eq!(told(&control, ours, "2026-01-01", "2026-12-31"), [""; 0]);
    }

    #[test]
    fn notes_are_bounded_in_number_and_length() {
        let (_folder, control, [site, other]) = control();
        let add = |day: &str, text: &str| control.add_note(site, &note(day, text)).map(|one| one.text);
        for (day, text, words) in [
            ("22.11.2026", "x", "day: `22.11.2026` is not allowed: a date such as `2026-11-22`"),
            ("2026-11-22", " \n", "text: `` is not allowed: at least one character"),
            ("2026-11-22", "a\u{7}", "text: `a\\u{7}` is not allowed: no control characters"),
        ] {
            assert_eq!(add(day, text).unwrap_err().to_string(), words);
        }
        assert!(add("2026-11-22", &"x".repeat(NOTE_BYTES_MAX + 1)).is_err());
        assert_eq!(add("2026-11-22", &"x".repeat(NOTE_BYTES_MAX)).unwrap().len(), NOTE_BYTES_MAX);
        let rest = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
                    INSERT INTO notes (site, day, text) SELECT ?1, 1, 'x' FROM n";
        control.lock().execute(rest, (site.0, NOTES_MAX)).unwrap();
        assert!(
            add("2026-11-22", "one too many").unwrap_err().to_string().contains("at most 1000 of a site")
        );
        control.add_note(other, &note("2026-11-22", "x")).unwrap();
    }
}
