//! The files of keys and certificates that a configuration names.

use std::path::{Path, PathBuf};
#[cfg(any(feature = "tls", feature = "jwt"))]
use std::{fs::File, io::Read, os::unix::fs::PermissionsExt};

use super::{Config, file::beside};
use crate::ini::{Fault, Section};

#[cfg(any(feature = "tls", feature = "jwt"))]
/// Chains of certificates are a few kilobytes long.
const MAX_BYTES: u64 = 1024 * 1024;

/// The settings that name such files, and their sections.
pub(super) const FILES: [(&str, &str); 4] = [
    ("auth", "jwt_secret_file"),
    ("auth", "jwt_public_key_file"),
    ("server", "tls_certificate"),
    ("server", "tls_private_key"),
];

/// Reads what is named, relative to the configuration, and collects what is wrong.
pub(super) struct Credentials<'a> {
    pub(super) path: &'a Path,
    pub(super) sections: &'a [Section],
    pub(super) faults: &'a mut Vec<Fault>,
}

impl Credentials<'_> {
    /// Fills in the tokens and the certificate of `config`.
    pub(super) fn load(&mut self, config: &mut Config) {
        let names = [
            &mut config.jwt_secret_file,
            &mut config.jwt_public_key_file,
            &mut config.tls_certificate,
            &mut config.tls_private_key,
        ];
        for name in names {
            *name = name.take().map(|file| beside(self.path, &file));
        }
        self.load_tokens(config);
        self.load_certificate(config);
    }

    #[cfg(feature = "jwt")]
    fn load_tokens(&mut self, config: &mut Config) {
        let mut tokens = crate::Tokens::default();
        if let Some(secret) = self.secret("jwt_secret_file", config.jwt_secret_file.as_deref()) {
            // Whatever made the file may have ended it with a line break.
            match tokens.clone().with_secret(secret.trim_ascii_end()) {
                Ok(with) => tokens = with,
                Err(error) => self.fault("jwt_secret_file", format!("the secret {error}")),
            }
        }
        if let Some(pem) = self.read("jwt_public_key_file", config.jwt_public_key_file.as_deref()) {
            match tokens.clone().with_public_key(&pem) {
                Ok(with) => tokens = with,
                Err(error) => self.fault("jwt_public_key_file", format!("the file {error}")),
            }
        }
        if !config.jwt_issuer.is_empty() {
            tokens = tokens.with_issuer(&config.jwt_issuer);
        }
        if !config.jwt_audience.is_empty() {
            tokens = tokens.with_audience(&config.jwt_audience);
        }
        config.tokens = tokens;
    }

    #[cfg(not(feature = "jwt"))]
    fn load_tokens(&mut self, config: &mut Config) {
        self.refuse("jwt_secret_file", config.jwt_secret_file.as_deref(), "jwt");
        self.refuse("jwt_public_key_file", config.jwt_public_key_file.as_deref(), "jwt");
    }

    #[cfg(feature = "tls")]
    fn load_certificate(&mut self, config: &mut Config) {
        let files =
            [("tls_certificate", &config.tls_certificate), ("tls_private_key", &config.tls_private_key)];
        if let [(_, Some(_)), (missing, None)] | [(missing, None), (_, Some(_))] = files {
            let other = if missing == files[0].0 { files[1].0 } else { files[0].0 };
            return self.fault(other, format!("{missing} is needed as well"));
        }
        let certificate = self.read(files[0].0, files[0].1.as_deref());
        let private_key = self.secret(files[1].0, files[1].1.as_deref());
        if let (Some(certificate), Some(private_key)) = (certificate, private_key) {
            match crate::Tls::from_pem(&certificate, &private_key) {
                Ok(tls) => config.tls = Some(tls),
                Err(error) => self.fault("tls_certificate", error.to_string()),
            }
        }
    }

    #[cfg(not(feature = "tls"))]
    fn load_certificate(&mut self, config: &mut Config) {
        self.refuse("tls_certificate", config.tls_certificate.as_deref(), "tls");
        self.refuse("tls_private_key", config.tls_private_key.as_deref(), "tls");
    }

    #[cfg(not(all(feature = "tls", feature = "jwt")))]
    fn refuse(&mut self, setting: &str, file: Option<&Path>, feature: &str) {
        if file.is_some() {
            self.fault(setting, format!("this build is without the feature {feature:?}"));
        }
    }

    /// What the file of a setting holds, if there is one.
    #[cfg(any(feature = "tls", feature = "jwt"))]
    fn read(&mut self, setting: &str, file: Option<&Path>) -> Option<Vec<u8>> {
        let file = file?;
        read(file).map_err(|sentence| self.fault(setting, sentence)).ok()
    }

    /// The same for a file that nobody else may read.
    #[cfg(any(feature = "tls", feature = "jwt"))]
    fn secret(&mut self, setting: &str, file: Option<&Path>) -> Option<Vec<u8>> {
        let bytes = self.read(setting, file)?;
        let file = file?;
        // 0o004 is the right of everybody else to read.
        if file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0) {
            let file = file.display();
            self.fault(setting, format!("everybody may read {file}; type: chmod o-rwx '{file}'"));
            return None;
        }
        Some(bytes)
    }

    fn fault(&mut self, setting: &str, sentence: String) {
        let entries = self.sections.iter().flat_map(|section| &section.entries);
        let line = entries.into_iter().find(|entry| entry.key == setting).map_or(1, |entry| entry.line);
        self.faults.push(Fault::new(line, format!("{setting}: {sentence}")));
    }
}

/// The files that `sections` name for keys and certificates.
pub(super) fn files(path: &Path, sections: &[Section]) -> Vec<PathBuf> {
    let named = |(section, setting): &(&str, &str)| {
        let section = sections.iter().find(|found| found.name == *section)?;
        let entry = section.entries.iter().find(|entry| entry.key == *setting)?;
        (!entry.value.is_empty()).then(|| beside(path, entry.value.as_ref()))
    };
    FILES.iter().filter_map(named).collect()
}

#[cfg(any(feature = "tls", feature = "jwt"))]
fn read(file: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error| format!("cannot read {}: {error}", file.display());
    // Before it is opened: a pipe would wait for somebody to write into it.
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(format!("{} is no regular file", file.display()));
    }
    let mut bytes = Vec::new();
    File::open(file).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("{} is over 1 MiB", file.display()));
    }
    Ok(bytes)
}
