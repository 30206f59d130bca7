//! Secrets that commands take. None of them is an argument, which every user of the machine could read.

/// Which secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretOf {
    /// A key to judge: `GATEKEEPER_KEY`, or asked for.
    Key,
    Password,
    /// A password that is asked for twice.
    NewPassword,
    CurrentPassword,
    RefreshToken,
}

impl SecretOf {
    /// What it is called when it is asked for.
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
