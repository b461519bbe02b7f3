//! The second factor: six digits of an authenticator (RFC 6238) or a recovery code, besides the password.
//!
//! The secret is stored as it is, since the server has to compute the same digits; of recovery codes hashes only.

use rusqlite::{Connection, OptionalExtension};
use totp_rs::{Builder, Secret, Totp};

use super::{Control, Invalid, Result, secret};
use crate::domain::day::UnixMs;

/// Recovery codes made at once; each counts once.
pub const RECOVERY_CODES: usize = 10;
/// 160 bits, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// 80 random bits: 16 characters.
const RECOVERY_BYTES: usize = 10;
/// How long six digits are shown, in milliseconds.
const STEP_MS: i64 = 30_000;

impl Control {
    /// Makes a secret for a person's authenticator, in base32. It is not in use until [`Control::confirm_factor`].
    ///
    /// # Errors
    /// [`Invalid`] where one is in use; no randomness, database errors.
    pub fn offer_factor(&self, person: i64) -> Result<String> {
        let mut bytes = vec![0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        self.write(|connection| {
            check_none(connection, person)?;
            connection.execute("UPDATE users SET factor_offered = ?2 WHERE id = ?1", (person, &bytes))?;
            Ok(())
        })?;
        Ok(Secret::from(bytes).to_base32())
    }

    /// Takes the offered secret into use, if the digits are its own, and returns the recovery codes: the only time
    /// that they are known.
    ///
    /// # Errors
    /// [`Invalid`] where one is in use or none is offered; wrong digits are `None`.
    pub fn confirm_factor(&self, person: i64, code: &str, now: UnixMs) -> Result<Option<Vec<String>>> {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect::<Result<_>>()?;
        self.write(|connection| {
            check_none(connection, person)?;
            let sql = "SELECT factor_offered FROM users WHERE id = ?1";
            let offered: Option<Vec<u8>> = connection.query_row(sql, [person], |row| row.get(0))?;
            let offered =
                offered.ok_or_else(|| Invalid::new("code", "", "the digits of a secret that was asked for"))?;
            let Some(step) = step_of(offered, code, now) else { return Ok(None) };
            let sql = "UPDATE users SET factor = factor_offered, factor_offered = NULL, factor_step = ?2 WHERE id = ?1";
            connection.execute(sql, (person, step))?;
            for code in &codes {
                let sql = "INSERT INTO recovery (code, user) VALUES (?1, ?2)";
                connection.execute(sql, (secret::digest(&plain(code)), person))?;
            }
            Ok(Some(codes))
        })
    }

    /// Whether a code opens: the digits of this half minute or one beside it, or a recovery code; each once.
    ///
    /// # Errors
    /// Database errors.
    pub fn check_code(&self, person: i64, code: &str, now: UnixMs) -> Result<bool> {
        self.write(|connection| {
            if !is_digits(code) {
                let sql = "DELETE FROM recovery WHERE user = ?1 AND code = ?2";
                return Ok(connection.execute(sql, (person, secret::digest(&plain(code))))? > 0);
            }
            let sql = "SELECT factor, factor_step FROM users WHERE id = ?1 AND factor IS NOT NULL";
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?));
            let Some((factor, last)) = connection.query_row(sql, [person], read).optional()? else {
                return Ok(false);
            };
            let Some(step) = step_of(factor, code, now) else { return Ok(false) };
            // A step that the clock has not reached was used under a clock that has gone back since.
            if step <= last && last <= now / STEP_MS + 1 {
                return Ok(false);
            }
            connection.execute("UPDATE users SET factor_step = ?2 WHERE id = ?1", (person, step))?;
            Ok(true)
        })
    }

    /// Goes back to the password alone.
    ///
    /// # Errors
    /// Database errors.
    pub fn remove_factor(&self, person: i64) -> Result<()> {
        self.write(|connection| remove(connection, person))
    }

    /// How many recovery codes are left.
    ///
    /// # Errors
    /// Database errors.
    pub fn recovery_left(&self, person: i64) -> Result<u32> {
        let sql = "SELECT count(*) FROM recovery WHERE user = ?1";
        Ok(self.lock().query_row(sql, [person], |row| row.get(0))?)
    }
}

pub(super) fn remove(connection: &Connection, person: i64) -> Result<()> {
    let sql = "UPDATE users SET factor = NULL, factor_offered = NULL, factor_step = 0 WHERE id = ?1";
    connection.execute(sql, [person])?;
    connection.execute("DELETE FROM recovery WHERE user = ?1", [person])?;
    Ok(())
}

fn check_none(connection: &Connection, person: i64) -> Result<()> {
    let sql = "SELECT factor IS NOT NULL FROM users WHERE id = ?1";
    match connection.query_row(sql, [person], |row| row.get(0))? {
        true => Err(Invalid::new("second_factor", "on", "to be switched off first").into()),
        false => Ok(()),
    }
}

/// Whether a code is an authenticator's, by its form: guesses of these are slowed down.
pub fn is_digits(code: &str) -> bool {
    let code = plain(code);
    code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// The half minute whose digits these are, if it is about now.
fn step_of(factor: Vec<u8>, code: &str, now: UnixMs) -> Option<i64> {
    let totp = authenticator(factor)?;
    let step = totp.check(&plain(code), u64::try_from(now / 1_000).ok()?)?;
    i64::try_from(step).ok()
}

/// SHA-1, six digits, half minutes, one beside: what every authenticator does.
fn authenticator(factor: Vec<u8>) -> Option<Totp> {
    Builder::new().with_secret(factor).build().ok()
}

/// A code as people type it, without what groups it.
fn plain(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_ascii_lowercase()
}

fn recovery_code() -> Result<String> {
    let mut bytes = vec![0; RECOVERY_BYTES];
    getrandom::fill(&mut bytes)?;
    let text = Secret::from(bytes).to_base32().to_ascii_lowercase();
    let groups: Vec<&str> =
        (0..text.len()).step_by(4).map(|at| &text[at..(at + 4).min(text.len())]).collect();
    Ok(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlError;

    const NOW: UnixMs = 1_795_348_800_000;

    /// The digits that an authenticator with this secret shows.
    fn digits(secret: &str, at: UnixMs) -> String {
        let secret = Secret::try_from_base32(secret).unwrap();
        Builder::new().with_secret(secret).build().unwrap().generate(at as u64 / 1_000).to_string()
    }

    fn control() -> (tempfile::TempDir, Control, i64) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let ada = control.add_user("ada", "long enough").unwrap().id;
        (folder, control, ada)
    }

    /// The table of RFC 6238, appendix B, by its last six digits.
    #[test]
    fn digits_are_those_of_the_standard() {
        let secret = Secret::from(b"12345678901234567890".to_vec()).to_base32();
        for (at, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000_u64, "353130"),
        ] {
            assert_eq!(digits(&secret, at as i64 * 1_000), expected);
            let factor = b"12345678901234567890".to_vec();
            assert_eq!(step_of(factor, expected, at as i64 * 1_000), Some(at as i64 / 30));
        }
    }

    #[test]
    fn digits_count_once_and_about_now() {
        let (_folder, control, ada) = control();
        let secret = control.offer_factor(ada).unwrap();
        assert_eq!(secret.len(), 32);
        assert!(!control.check_code(ada, &digits(&secret, NOW), NOW).unwrap(), "it is not in use yet");
        assert_eq!(control.confirm_factor(ada, "000000", NOW + 7).unwrap(), None);
        assert!(!control.user("ada").unwrap().second_factor);
        let shown = digits(&secret, NOW);
        let codes = control.confirm_factor(ada, &format!("{} {}", &shown[..3], &shown[3..]), NOW).unwrap();
        assert_eq!(codes.map(|codes| codes.len()), Some(RECOVERY_CODES));
        assert!(control.user("ada").unwrap().second_factor);
        let check = |at, now| control.check_code(ada, &digits(&secret, at), now).unwrap();
        assert!(!check(NOW, NOW), "they switched it on, and do not sign in too");
        assert!(!check(NOW + 4 * STEP_MS, NOW + 2 * STEP_MS), "too early");
        assert!(check(NOW + STEP_MS, NOW + 2 * STEP_MS), "a moment late");
        assert!(!check(NOW + STEP_MS, NOW + 2 * STEP_MS), "a second time");
        assert!(check(NOW + 2 * STEP_MS, NOW + 2 * STEP_MS));
        assert!(!check(NOW + STEP_MS, NOW + 2 * STEP_MS), "one from before");
        assert!(!check(NOW + 3 * STEP_MS, NOW + 9 * STEP_MS), "too late");
        assert!(matches!(control.offer_factor(ada), Err(ControlError::Invalid(_))));
        assert!(matches!(control.confirm_factor(ada, "1", NOW), Err(ControlError::Invalid(_))));
    }

    #[test]
    fn a_clock_that_was_ahead_keeps_nobody_out() {
        let (_folder, control, ada) = control();
        let secret = control.offer_factor(ada).unwrap();
        let ahead = NOW + 365 * 86_400_000;
        control.confirm_factor(ada, &digits(&secret, ahead), ahead).unwrap().unwrap();
        assert!(control.check_code(ada, &digits(&secret, NOW), NOW).unwrap());
        assert!(!control.check_code(ada, &digits(&secret, NOW), NOW).unwrap(), "once, as ever");
    }

    #[test]
    fn each_recovery_code_opens_once() {
        let (_folder, control, ada) = control();
        let bob = control.add_user("bob", "long enough").unwrap().id;
        let secret = control.offer_factor(ada).unwrap();
        let codes = control.confirm_factor(ada, &digits(&secret, NOW), NOW).unwrap().unwrap();
        assert_eq!((codes[0].len(), control.recovery_left(ada).unwrap()), (19, 10));
        assert!(!control.check_code(bob, &codes[0], NOW).unwrap(), "another person's");
        let typed = codes[0].replace('-', " ").to_uppercase();
        assert!(control.check_code(ada, &typed, NOW).unwrap());
        assert!(!control.check_code(ada, &typed, NOW).unwrap());
        assert_eq!(control.recovery_left(ada).unwrap(), 9);
        control.remove_factor(ada).unwrap();
        assert!(!control.check_code(ada, &codes[1], NOW).unwrap());
        assert!(!control.check_code(ada, &digits(&secret, NOW + STEP_MS), NOW + STEP_MS).unwrap());
        assert!(!control.user("ada").unwrap().second_factor);
    }
}
