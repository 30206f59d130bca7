//! TLS from files, which are reloaded when they change, for example after a certificate is renewed.

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

/// How often the files are checked for changes.
const POLL_INTERVAL: Duration = Duration::from_secs(60);

/// The certificate of the server, which can be replaced while it runs.
pub(crate) struct Certificates {
    files: Tls,
    config: ArcSwap<ServerConfig>,
    /// The modification times of the files when they were first read.
    read_at: Changed,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// `bad_request` if the files are not a certificate and its key.
    pub(crate) fn read(files: Tls) -> Result<Arc<Self>> {
        let read_at = changed_at(&files);
        let config = ArcSwap::from_pointee(config(&files)?);
        Ok(Arc::new(Self { files, config, read_at }))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }

    /// Reloads the files when they change. Never returns.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut seen = self.read_at;
        loop {
            sleep(POLL_INTERVAL).await;
            let now = changed_at(&self.files);
            if now == seen {
                continue;
            }
            seen = now;
            match config(&self.files) {
                Ok(config) => {
                    self.config.store(Arc::new(config));
                    tracing::info!("the TLS certificate was reloaded");
                }
                Err(error) => {
                    tracing::error!(%error, "the new TLS certificate cannot be used: the previous one stays");
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
        "the TLS {what} \"{}\" cannot be used: provide a PEM file with the certificate and its chain, and one with its private key",
        path.display()
    );
    GatekeeperError::bad_request(message).caused_by(error)
}
