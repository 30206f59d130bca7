//! The secret of a place, and what is derived from it: what seals its signing keys, authenticates its cursors, and makes
//! the successors of refresh tokens.

mod key_file;

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroize;

use crate::error::{GatekeeperError, Result};
use crate::secret::{Digest, Secret, is_tag, random};

/// The fewest bytes of a secret: what is shorter can be guessed.
const LEAST_BYTES: usize = 16;
const TAG_LEN: usize = 16;

/// Keys derived from the one secret of a place, one for each use (HKDF's expand step, RFC 5869 §2.3, of one block).
pub(crate) struct Vault {
    sealing: [u8; 32],
    successor: [u8; 32],
    cursor: [u8; 32],
}

impl Vault {
    /// The vault of a secret.
    ///
    /// # Errors
    /// `bad_request` for a secret of fewer than 16 bytes.
    pub(crate) fn new(secret: &Secret) -> Result<Self> {
        if secret.expose().len() < LEAST_BYTES {
            return Err(GatekeeperError::bad_request(format!(
                "GATEKEEPER_SECRET must be at least {LEAST_BYTES} bytes: make one with `openssl rand -base64 32`"
            )));
        }
        let root = *Digest::keyed(Digest::of(b"gatekeeper: a place").as_bytes(), secret.expose().as_bytes())
            .as_bytes();
        let derive = |purpose: &str| *Digest::keyed(&root, format!("{purpose}\x01").as_bytes()).as_bytes();
        Ok(Self { sealing: derive("sealing"), successor: derive("successor"), cursor: derive("cursor") })
    }

    /// The vault of the secret that was given for the database at `path`; where none was, of one that is kept in a file
    /// beside it, and whether that file was made just now. In memory, of one that nobody else ever has.
    ///
    /// # Errors
    /// Those of [`new`](Self::new); `service_unavailable` where the file cannot be read or made.
    pub(crate) fn open(given: Option<&Secret>, path: Option<&Path>) -> Result<(Self, bool)> {
        match (given, path) {
            (Some(secret), _) => Ok((Self::new(secret)?, false)),
            (None, None) => Ok((Self::new(&Self::new_secret()?)?, false)),
            (None, Some(path)) => {
                let (secret, is_new) = key_file::secret_beside(path)?;
                if is_new {
                    tracing::warn!(
                        database = %path.display(),
                        "GATEKEEPER_SECRET is not set: made a secret in a file beside the database; keep it with your backups"
                    );
                }
                Ok((Self::new(&secret)?, is_new))
            }
        }
    }

    /// Where the secret of the database at `path` is kept, if no other was given.
    pub(crate) fn secret_file(path: &Path) -> PathBuf {
        key_file::path_beside(path)
    }

    /// A new secret, as text.
    pub(crate) fn new_secret() -> Result<Secret> {
        let mut bytes: [u8; 32] = random()?;
        let secret = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
        bytes.zeroize();
        Ok(secret)
    }

    /// Encrypts and authenticates `plain`, bound to `name` (AES-256-GCM, NIST SP 800-38D, with a random nonce in front).
    pub(crate) fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = plain.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name.as_bytes()),
                &mut sealed,
            )
            .map_err(GatekeeperError::internal)?;
        sealed.splice(0..0, nonce);
        Ok(sealed)
    }

    /// What was sealed under `name`; none where it was sealed with another secret, or is not whole.
    pub(crate) fn unseal(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut rest = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.cipher().ok()?.open_in_place(nonce, Aad::from(name.as_bytes()), &mut rest).ok()?;
        let length = plain.len();
        rest.truncate(length);
        Some(rest)
    }

    /// The one refresh token that follows `token`.
    pub(crate) fn successor(&self, token: &Secret) -> Secret {
        Secret::new(
            URL_SAFE_NO_PAD.encode(Digest::keyed(&self.successor, token.expose().as_bytes()).as_bytes()),
        )
    }

    /// `place` as text that a caller can give back but neither read nor make, bound to `list`.
    pub(crate) fn cursor(&self, list: &str, place: u128) -> String {
        let mut bytes = place.to_be_bytes().to_vec();
        let tag = Digest::keyed(&self.cursor, &cursor_message(list, place));
        bytes.extend(tag.as_bytes().iter().take(TAG_LEN));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place behind a cursor of `list`; none where it is not one.
    pub(crate) fn place_of(&self, list: &str, cursor: &str) -> Option<u128> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (place, tag) = bytes.split_first_chunk()?;
        let place = u128::from_be_bytes(*place);
        is_tag(&self.cursor, &cursor_message(list, place), tag.try_into().ok()?).then_some(place)
    }

    fn cipher(&self) -> Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, &self.sealing).map_err(GatekeeperError::internal)?;
        Ok(LessSafeKey::new(key))
    }
}

fn cursor_message(list: &str, place: u128) -> Vec<u8> {
    [&place.to_be_bytes(), list.as_bytes()].concat()
}

impl Drop for Vault {
    fn drop(&mut self) {
        for key in [&mut self.sealing, &mut self.successor, &mut self.cursor] {
            key.zeroize();
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[vault]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(secret: &str) -> Vault {
        Vault::new(&Secret::new(secret)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_under_its_secret_and_name_alone() {
        let (ours, other) = (vault("0123456789abcdef"), vault("0123456789abcdeF"));
        let sealed = ours.seal("a", b"plain").unwrap();
        assert_eq!(ours.unseal("a", &sealed).as_deref(), Some(&b"plain"[..]));
        assert!(ours.unseal("b", &sealed).is_none() && other.unseal("a", &sealed).is_none());
        for place in 0..sealed.len() {
            let mut torn = sealed.clone();
            torn[place] ^= 1;
            assert!(ours.unseal("a", &torn).is_none());
            assert!(ours.unseal("a", &sealed[..place]).is_none());
        }
    }

    #[test]
    fn a_cursor_is_good_for_its_list_and_cannot_be_changed() {
        let vault = vault("0123456789abcdef");
        let cursor = vault.cursor("keys of a", 7);
        assert_eq!(vault.place_of("keys of a", &cursor), Some(7));
        assert_eq!(vault.place_of("keys of b", &cursor), None);
        for place in 0..cursor.len() {
            let mut torn: Vec<char> = cursor.chars().collect();
            torn[place] = if torn[place] == 'A' { 'B' } else { 'A' };
            assert_eq!(vault.place_of("keys of a", &torn.into_iter().collect::<String>()), None);
        }
        for wrong in ["", "canary", "é", &"A".repeat(10_000)] {
            assert_eq!(vault.place_of("keys of a", wrong), None);
        }
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(Vault::new(&Secret::new("0123456789abcde")).is_err());
    }
}
