//! TLS from files, which are read again when they change, as whoever renews certificates expects.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use gatekeeper::{GatekeeperError, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::config::Tls;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What secures connections.
pub(crate) struct Certificates {
    files: Tls,
    config: ArcSwap<ServerConfig>,
    /// When the files had changed as they were first read.
    read_at: Changed,
}

impl Certificates {
    /// # Errors
    /// `bad_request` for files that are not a certificate and its key.
    pub(crate) fn read(files: Tls) -> Result<Arc<Self>> {
        let read_at = changed_at(&files);
        let config = ArcSwap::from_pointee(config(&files)?);
        Ok(Arc::new(Self { files, config, read_at }))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }

    /// Reads the files again whenever they have changed. Never ends.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut seen = self.read_at;
        loop {
            sleep(LOOK_EVERY).await;
            let now = changed_at(&self.files);
            if now == seen {
                continue;
            }
            seen = now;
            match config(&self.files) {
                Ok(config) => {
                    self.config.store(Arc::new(config));
                    tracing::info!("the certificate was read again");
                }
                Err(error) => {
                    tracing::error!(%error, "the certificate was changed and cannot be used: the one before stays");
                }
            }
        }
    }
}

type Changed = [Option<SystemTime>; 2];

fn changed_at(files: &Tls) -> Changed {
    [&files.certificate, &files.key].map(|file| file.metadata().and_then(|file| file.modified()).ok())
}

fn config(files: &Tls) -> Result<ServerConfig> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable("certificate", &files.certificate, error))?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable("key", &files.key, error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(GatekeeperError::internal)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unreadable("certificate", &files.certificate, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn unreadable(
    what: &str,
    path: &Path,
    error: impl std::error::Error + Send + Sync + 'static,
) -> GatekeeperError {
    let message = format!(
        "the TLS {what} \"{}\" cannot be used: give a PEM file with a chain of certificates, and one with the key of the first",
        path.display()
    );
    GatekeeperError::bad_request(message).caused_by(error)
}
