//! Tokens, keys and passwords: how they are made, and what of them is stored (a hash, never themselves).

use std::sync::OnceLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{ControlError, Invalid, Result};

/// Fewest characters of a password.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Most bytes of a password: bounds the work of hashing it.
pub const PASSWORD_BYTES_MAX: usize = 1_000;

/// A fresh secret of 192 random bits: 32 characters of base64url.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn fresh() -> Result<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a token or key. They hold 192 random bits, so a fast hash is enough.
pub fn digest(secret: &str) -> [u8; 32] {
    blake3::derive_key("mayfly control 2026 token digest", secret.as_bytes())
}

/// A random UUID (version 4).
///
/// # Errors
/// When the operating system gives no randomness.
pub fn uuid() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// The argon2id PHC string of a password. Takes tens of milliseconds and 19 MiB.
///
/// # Errors
/// [`Invalid`] for a password that is too short or too long.
pub fn hash_password(password: &str) -> Result<String> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        // The value itself is a secret: only its length is told.
        return Err(Invalid::new(
            "password",
            format!("{chars} characters"),
            format!("at least {PASSWORD_CHARS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes"),
        )
        .into());
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| ControlError::Password(error.to_string()))
}

/// Whether a password is the one of a stored hash.
pub fn verify_password(password: &str, stored: &str) -> bool {
    password.len() <= PASSWORD_BYTES_MAX
        && PasswordHash::new(stored)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// As much work as [`verify_password`], for names that do not exist: an answer's time does not tell which
/// names do.
pub fn verify_nobody(password: &str) {
    static NOBODY: OnceLock<String> = OnceLock::new();
    let hash = NOBODY.get_or_init(|| hash_password("nobody has this password").unwrap_or_default());
    std::hint::black_box(verify_password(password, hash));
}
