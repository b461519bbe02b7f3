//! The secret by which the nodes of one installation know each other.

use std::{fmt, fs, path::Path, sync::Arc};

use zeroize::Zeroizing;

/// Fewest and most bytes of the secret.
const TOKEN_BYTES_MIN: usize = 32;
const TOKEN_BYTES_MAX: usize = 1_000;

/// The secret of an installation. It can be shown to another node and compared, and is never printed.
#[derive(Clone)]
pub struct NodeToken {
    text: Arc<Zeroizing<String>>,
    digest: blake3::Hash,
}

impl NodeToken {
    /// Reads the secret from a file: all of its text, without the white space around it.
    ///
    /// # Errors
    /// Words that name no part of the secret.
    pub fn read(path: &Path) -> Result<NodeToken, String> {
        let bytes = Zeroizing::new(fs::read(path).map_err(|error| format!("it cannot be read ({error})"))?);
        let text = std::str::from_utf8(&bytes).map_err(|_| "it holds no text".to_owned())?;
        NodeToken::new(text.trim())
    }

    /// # Errors
    /// Words, for a text of the wrong length or with characters that no header takes.
    pub fn new(text: &str) -> Result<NodeToken, String> {
        if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&text.len()) {
            let len = text.len();
            return Err(format!(
                "its secret has {len} bytes: {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} are needed"
            ));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("its secret is not one word of letters, digits and signs".to_owned());
        }
        Ok(NodeToken { text: Arc::new(Zeroizing::new(text.to_owned())), digest: digest(text) })
    }

    /// Whether a text is the secret; how long that takes tells nothing of where they differ.
    pub fn admits(&self, given: &str) -> bool {
        // Hashes of this type compare in constant time.
        digest(given) == self.digest
    }

    /// A key for one purpose, the same on all nodes.
    pub fn key(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, self.text.as_bytes())
    }

    /// For the header of a request to another node, and nothing else.
    pub(super) fn reveal(&self) -> &str {
        &self.text
    }
}

fn digest(text: &str) -> blake3::Hash {
    blake3::derive_key("mayfly nodes 2026 token comparison", text.as_bytes()).into()
}

impl PartialEq for NodeToken {
    fn eq(&self, other: &NodeToken) -> bool {
        self.digest == other.digest
    }
}

impl fmt::Debug for NodeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_is_admitted_and_none_is_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let secret = "0123456789abcdef0123456789abcdef";
        fs::write(&path, format!("  {secret}\n")).unwrap();
        let token = NodeToken::read(&path).unwrap();
        assert!(token.admits(secret) && !token.admits(&secret[1..]) && !token.admits(""));
        assert_eq!(format!("{token:?}"), "NodeToken");
        for (text, words) in [
            (secret[1..].to_owned(), "31 bytes"),
            ("x".repeat(1_001), "1001 bytes"),
            (format!("{secret} two"), "one word"),
        ] {
            let refused = NodeToken::new(&text).unwrap_err();
            assert!(refused.contains(words) && !refused.contains(&text), "{refused}");
        }
        assert!(NodeToken::read(&folder.path().join("none")).unwrap_err().contains("cannot be read"));
    }
}
