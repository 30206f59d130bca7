//! The vault: the secret of a database and the keys derived from it, which seal signing keys, authenticate cursors
//! and derive refresh tokens.

mod key_file;
mod secrets;

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{GatekeeperError, Result};
use crate::ipc::SecretTag;
use crate::secret::{Digest, Secret, is_tag, random};
pub(crate) use secrets::Secrets;

const TAG_LEN: usize = 16;

/// The keys derived from the secret, and from the previous one while the secret is rotated. New data is sealed with
/// the former; data that the latter sealed can still be opened.
pub(crate) struct Vault {
    current: Keys,
    previous: Option<Keys>,
}

/// The keys derived from one secret, one per use (HKDF's expand step, RFC 5869 §2.3, of one block).
struct Keys {
    sealing: [u8; 32],
    successor: [u8; 32],
    cursor: [u8; 32],
    tag: SecretTag,
}

impl Keys {
    fn of(secret: &Secret) -> Self {
        let root = *Digest::keyed(Digest::of(b"gatekeeper: a place").as_bytes(), secret.expose().as_bytes())
            .as_bytes();
        let derive = |purpose: &str| *Digest::keyed(&root, format!("{purpose}\x01").as_bytes()).as_bytes();
        let mut tag = SecretTag::default();
        tag.iter_mut().zip(derive("tag")).for_each(|(byte, derived)| *byte = derived);
        Self { sealing: derive("sealing"), successor: derive("successor"), cursor: derive("cursor"), tag }
    }

    fn unseal(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut rest = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.cipher().ok()?.open_in_place(nonce, Aad::from(name.as_bytes()), &mut rest).ok()?;
        let length = plain.len();
        rest.truncate(length);
        Some(rest)
    }

    fn cipher(&self) -> Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, &self.sealing).map_err(GatekeeperError::internal)?;
        Ok(LessSafeKey::new(key))
    }
}

impl Vault {
    /// The path of the file with the secret of the database at `path`, which is used if no secret is given.
    pub(crate) fn secret_file(path: &Path) -> PathBuf {
        key_file::path_beside(path)
    }

    /// A new random secret.
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
        self.current
            .cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name.as_bytes()),
                &mut sealed,
            )
            .map_err(GatekeeperError::internal)?;
        sealed.splice(0..0, nonce);
        Ok(sealed)
    }

    /// Opens what was sealed under `name`. Returns none if it was sealed with an unknown secret or is damaged.
    pub(crate) fn unseal(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.all().find_map(|keys| keys.unseal(name, sealed)).map(Zeroizing::new)
    }

    /// The same data sealed with the current secret, if it was sealed with the previous one.
    pub(crate) fn reseal(&self, name: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
        if self.previous.is_none() || self.current.unseal(name, sealed).map(Zeroizing::new).is_some() {
            return Ok(None);
        }
        self.unseal(name, sealed).map(|plain| self.seal(name, &plain)).transpose()
    }

    /// The refresh token that follows `token`.
    pub(crate) fn successor(&self, token: &Secret) -> Secret {
        self.current.successor(token)
    }

    /// The refresh token that follows `token` if it was exchanged before the secret was rotated.
    pub(crate) fn previous_successor(&self, token: &Secret) -> Option<Secret> {
        self.previous.as_ref().map(|keys| keys.successor(token))
    }

    /// `position` as an opaque text that a client can send back but neither read nor forge, bound to `list`.
    pub(crate) fn cursor(&self, list: &str, position: u128) -> String {
        let mut bytes = position.to_be_bytes().to_vec();
        let tag = Digest::keyed(&self.current.cursor, &cursor_message(list, position));
        bytes.extend(tag.as_bytes().iter().take(TAG_LEN));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position of a cursor of `list`; none for any other text.
    pub(crate) fn position_of(&self, list: &str, cursor: &str) -> Option<u128> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (position, tag) = bytes.split_first_chunk()?;
        let position = u128::from_be_bytes(*position);
        let tag = tag.try_into().ok()?;
        self.all().any(|keys| is_tag(&keys.cursor, &cursor_message(list, position), tag)).then_some(position)
    }

    /// The tag that identifies the current secret.
    pub(crate) fn tag(&self) -> &SecretTag {
        &self.current.tag
    }

    fn all(&self) -> impl Iterator<Item = &Keys> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl Keys {
    fn successor(&self, token: &Secret) -> Secret {
        Secret::new(
            URL_SAFE_NO_PAD.encode(Digest::keyed(&self.successor, token.expose().as_bytes()).as_bytes()),
        )
    }
}

fn cursor_message(list: &str, position: u128) -> Vec<u8> {
    [&position.to_be_bytes(), list.as_bytes()].concat()
}

impl Drop for Keys {
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
        open(secret, None).unwrap()
    }

    fn open(secret: &str, previous: Option<&str>) -> Result<Vault> {
        let secrets = Secrets { current: Some(Secret::new(secret)), previous: previous.map(Secret::new) };
        secrets.open(None, || Ok(())).map(|(vault, _)| vault)
    }

    #[test]
    fn sealed_data_can_only_be_opened_with_its_secret_and_name() {
        let (ours, other) = (vault("0123456789abcdef"), vault("0123456789abcdeF"));
        let sealed = ours.seal("a", b"plain").unwrap();
        assert_eq!(ours.unseal("a", &sealed).unwrap().as_slice(), b"plain");
        assert!(ours.unseal("b", &sealed).is_none() && other.unseal("a", &sealed).is_none());
        for position in 0..sealed.len() {
            let mut torn = sealed.clone();
            torn[position] ^= 1;
            assert!(ours.unseal("a", &torn).is_none());
            assert!(ours.unseal("a", &sealed[..position]).is_none());
        }
    }

    #[test]
    fn a_cursor_is_only_valid_for_its_list_and_cannot_be_changed() {
        let vault = vault("0123456789abcdef");
        let cursor = vault.cursor("keys of a", 7);
        assert_eq!(vault.position_of("keys of a", &cursor), Some(7));
        assert_eq!(vault.position_of("keys of b", &cursor), None);
        for position in 0..cursor.len() {
            let mut torn: Vec<char> = cursor.chars().collect();
            torn[position] = if torn[position] == 'A' { 'B' } else { 'A' };
            assert_eq!(vault.position_of("keys of a", &torn.into_iter().collect::<String>()), None);
        }
        for wrong in ["", "canary", "é", &"A".repeat(10_000)] {
            assert_eq!(vault.position_of("keys of a", wrong), None);
        }
    }

    #[test]
    fn a_short_secret_is_rejected_by_its_name() {
        let error = open("0123456789abcde", None).unwrap_err();
        assert!(error.message().starts_with("GATEKEEPER_SECRET must"), "{error}");
        let error = open("0123456789abcdef", Some("0123456789abcde")).unwrap_err();
        assert!(error.message().starts_with("GATEKEEPER_SECRET_PREVIOUS must"), "{error}");
    }

    #[test]
    fn during_a_rotation_data_of_the_previous_secret_can_still_be_opened() {
        let (old, both) =
            (vault("the secret before"), open("the secret after", Some("the secret before")).unwrap());
        let sealed = old.seal("a", b"plain").unwrap();
        assert_eq!(both.unseal("a", &sealed).unwrap().as_slice(), b"plain");
        assert_eq!(both.position_of("keys of a", &old.cursor("keys of a", 7)), Some(7));
        let token = Secret::new("token");
        assert!(both.previous_successor(&token).unwrap().is_equal_to(&old.successor(&token)));
        let new = vault("the secret after");
        assert!(new.unseal("a", &sealed).is_none() && new.reseal("a", &sealed).unwrap().is_none());
        let resealed = both.reseal("a", &sealed).unwrap().unwrap();
        assert_eq!(new.unseal("a", &resealed).unwrap().as_slice(), b"plain");
        assert!(both.reseal("a", &resealed).unwrap().is_none());
        assert!(old.unseal("a", &both.seal("a", b"plain").unwrap()).is_none());
        assert_ne!(old.tag(), both.tag());
    }
}
