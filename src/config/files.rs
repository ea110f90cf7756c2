//! What becomes of the files that settings name: how each is read, and which part of the settings it is.

use std::{fmt, mem};

use super::{disk, values::Logo};
use crate::{auth::Tokens, ini::MAX_FAULTS, replies::Replies, stream::Tls};

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A small file, whose faults are reported at the setting.
    Small,
    /// A small file that others must not be able to read.
    Secret,
    /// A text with lines of its own, at which its faults are reported.
    Text,
}

impl Kind {
    pub(super) fn max_mebibytes(self) -> u64 {
        match self {
            // Certificate chains are a few kilobytes long; a logo has a limit of its own.
            Kind::Small | Kind::Secret => 1,
            // Three times what 100,000 replies of a few lines each need.
            Kind::Text => 64,
        }
    }
}

/// A file that was read for a setting.
pub(super) struct NamedFile {
    pub(super) bytes: Vec<u8>,
    /// The setting with its place, or the file itself: its faults begin with it.
    pub(super) subject: String,
}

impl NamedFile {
    fn fault(&self, sentence: impl fmt::Display) -> Vec<String> {
        vec![format!("{}: {sentence}", self.subject)]
    }
}

/// A part of the settings that is read from files of its own, and accepted or rejected as a whole.
pub(super) struct Part<T> {
    /// What messages call it.
    pub(super) noun: &'static str,
    /// Replaces the part by what was read; the flag says whether a running server has read it.
    pub(super) read: fn(&mut T, &mut [NamedFile], bool) -> Result<(), Vec<String>>,
    /// Replaces the first one by the second.
    pub(super) copy: fn(&mut T, &T),
    /// Whether a reload reports a change of it by the name of the setting.
    pub(super) differs: fn(&T, &T) -> bool,
}

/// From a certificate chain and its private key.
pub(super) const CERTIFICATE: Part<Option<Tls>> = Part {
    noun: "certificate",
    read: |tls, files, _| {
        let [certificate, private_key] = files else { return Ok(()) };
        let read = Tls::from_pem(&certificate.bytes, &private_key.bytes).map_err(|error| {
            let sentence = error.to_string();
            let is_about_key = sentence.starts_with("tls_private_key");
            if is_about_key { private_key } else { certificate }.fault(sentence)
        });
        *tls = Some(read?);
        Ok(())
    },
    copy: Option::clone_from,
    differs: |_, _| false,
};

pub(super) const LOGO: Part<Option<Logo>> = Part {
    noun: "logo",
    read: |logo, files, _| {
        let [file] = files else { return Ok(()) };
        *logo = Some(Logo::new(mem::take(&mut file.bytes)).map_err(|error| file.fault(error))?);
        Ok(())
    },
    copy: Option::clone_from,
    differs: Option::ne,
};

pub(super) const JWT_SECRET: Part<Tokens> = Part {
    noun: "key for tokens",
    read: |tokens, files, _| {
        let [file] = files else { return Ok(()) };
        // Most programs that write the file end it with a line break.
        let secret = file.bytes.trim_ascii_end();
        let without = tokens.clone().with_secret_of(&Tokens::default());
        *tokens = without.with_secret(secret).map_err(|error| file.fault(error))?;
        Ok(())
    },
    copy: |tokens, other| *tokens = tokens.clone().with_secret_of(other),
    differs: |_, _| false,
};

pub(super) const JWT_PUBLIC_KEY: Part<Tokens> = Part {
    noun: "key for tokens",
    read: |tokens, files, _| {
        let [file] = files else { return Ok(()) };
        let without = tokens.clone().with_public_keys_of(&Tokens::default());
        *tokens = without.with_public_key(&file.bytes).map_err(|error| file.fault(error))?;
        Ok(())
    },
    copy: |tokens, other| *tokens = tokens.clone().with_public_keys_of(other),
    differs: |_, _| false,
};

/// From a file without options, which stay those of the file of settings.
pub(super) const REPLIES: Part<Replies> = Part {
    noun: "replies",
    read: |replies, files, is_reload| {
        let [file] = files else { return Ok(()) };
        let text = disk::text(mem::take(&mut file.bytes), &file.subject)?;
        let (read, faults) = Replies::read_file(text, &file.subject);
        let faults = faults.lines(&file.subject);
        let faults = if faults.is_empty() && is_reload { failing_tests(&read) } else { faults };
        if !faults.is_empty() {
            return Err(faults);
        }
        *replies = read.with_options_of(replies);
        Ok(())
    },
    copy: |replies, other| *replies = other.clone().with_options_of(replies),
    differs: |_, _| false,
};

/// Errors of the `[tests]` that fail, limited like all errors.
pub(super) fn failing_tests(replies: &Replies) -> Vec<String> {
    let mut failures = replies.failures();
    let more = failures.len().saturating_sub(MAX_FAULTS);
    failures.truncate(MAX_FAULTS);
    failures.extend((more > 0).then(|| format!("and {more} more")));
    failures
}
