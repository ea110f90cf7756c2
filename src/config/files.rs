//! How the files that settings name become parts of the settings.

use std::{fmt, mem};

use super::{disk, values::Logo};
use crate::{auth::Tokens, ini::MAX_FAULTS, replies::Replies, stream::Tls};

/// How a file is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A small file, whose faults are reported at the setting.
    Small,
    /// A small file that others must not be able to read.
    Secret,
    /// A text, whose faults are reported at its own lines.
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

/// A file that was read.
pub(super) struct ReadFile {
    pub(super) bytes: Vec<u8>,
    /// What its faults begin with: the place and name of the setting, or its own name.
    pub(super) subject: String,
}

impl ReadFile {
    fn fault(&self, sentence: impl fmt::Display) -> Vec<String> {
        vec![format!("{}: {sentence}", self.subject)]
    }
}

pub(super) type PartResult = Result<(), Vec<String>>;

pub(super) fn read_certificate(tls: &mut Option<Tls>, files: &mut [ReadFile], _: bool) -> PartResult {
    let [certificate, private_key] = files else { return Ok(()) };
    let read = Tls::from_pem(&certificate.bytes, &private_key.bytes).map_err(|error| {
        let sentence = error.to_string();
        let is_about_key = sentence.starts_with("tls_private_key");
        if is_about_key { private_key } else { certificate }.fault(sentence)
    });
    *tls = Some(read?);
    Ok(())
}

pub(super) fn read_logo(logo: &mut Option<Logo>, files: &mut [ReadFile], _: bool) -> PartResult {
    let file = &mut files[0];
    *logo = Some(Logo::new(mem::take(&mut file.bytes)).map_err(|error| file.fault(error))?);
    Ok(())
}

pub(super) fn read_jwt_secret(tokens: &mut Tokens, files: &mut [ReadFile], _: bool) -> PartResult {
    // Most programs that write the file end it with a line break.
    let secret = files[0].bytes.trim_ascii_end();
    let others = tokens.clone().with_secret_of(&Tokens::default());
    *tokens = others.with_secret(secret).map_err(|error| files[0].fault(error))?;
    Ok(())
}

pub(super) fn copy_jwt_secret(tokens: &mut Tokens, other: &Tokens) {
    *tokens = mem::take(tokens).with_secret_of(other);
}

pub(super) fn read_jwt_public_key(tokens: &mut Tokens, files: &mut [ReadFile], _: bool) -> PartResult {
    let others = tokens.clone().with_public_keys_of(&Tokens::default());
    *tokens = others.with_public_key(&files[0].bytes).map_err(|error| files[0].fault(error))?;
    Ok(())
}

pub(super) fn copy_jwt_public_key(tokens: &mut Tokens, other: &Tokens) {
    *tokens = mem::take(tokens).with_public_keys_of(other);
}

/// Reads replies without options, which stay those of the file of settings.
pub(super) fn read_replies(replies: &mut Replies, files: &mut [ReadFile], is_reload: bool) -> PartResult {
    let ReadFile { bytes, subject } = &mut files[0];
    let (read, faults) = Replies::read_file(disk::text(mem::take(bytes), subject)?, subject);
    let faults = faults.lines(subject);
    let faults = if faults.is_empty() && is_reload { failing_tests(&read) } else { faults };
    if !faults.is_empty() {
        return Err(faults);
    }
    *replies = read.with_options_of(replies);
    Ok(())
}

pub(super) fn copy_replies(replies: &mut Replies, other: &Replies) {
    *replies = other.clone().with_options_of(replies);
}

/// Errors of the `[tests]` that fail, limited like all errors.
pub(super) fn failing_tests(replies: &Replies) -> Vec<String> {
    let mut failures = replies.failures();
    let more = failures.len().saturating_sub(MAX_FAULTS);
    failures.truncate(MAX_FAULTS);
    failures.extend((more > 0).then(|| format!("and {more} more")));
    failures
}
