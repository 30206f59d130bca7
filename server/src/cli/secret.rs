//! The secrets that commands read. They are never arguments, because every user of the machine can read those.

/// A kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretKind {
    /// An API key: from `GATEKEEPER_KEY`, the terminal or standard input.
    Key,
    Password,
    /// A new password, which the terminal asks for twice.
    NewPassword,
    CurrentPassword,
    RefreshToken,
}

impl SecretKind {
    /// The prompt on a terminal.
    pub(crate) fn prompt(self) -> &'static str {
        match self {
            Self::Key => "Key",
            Self::Password => "Password",
            Self::NewPassword => "New password",
            Self::CurrentPassword => "Current password",
            Self::RefreshToken => "Refresh token",
        }
    }
}
