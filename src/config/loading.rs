//! Reads a file of settings and the files that it names, one after the other.

use std::path::Path;

use super::{
    PAGE_TEXTS,
    disk::{self, Contents, ReadError},
    files::{Source, Sources},
    results::{Loaded, Refused},
    settings::Config,
    values::Logo,
};
use crate::{
    error::Error,
    ini::{self, Entry, Fault, Faults, MAX_FAULTS, Section},
    replies::{self, Replies},
    stream::Tls,
};

/// Three times what 100,000 replies of a few lines each need.
const MAX_MEBIBYTES: u64 = 64;
/// Certificate chains are a few kilobytes long; a logo has a limit of its own.
const MAX_SMALL_MEBIBYTES: u64 = 1;

/// Reads one file after the other and collects the errors.
pub(super) struct Reader<'a> {
    path: &'a Path,
    before: Option<(&'a Config, &'a Sources)>,
    /// Whether the replies stay those of `before`.
    keeps_replies: bool,
    pub(super) files: Vec<Source>,
    /// Faults of files that are named for the first time.
    faults: Vec<String>,
    pub(super) refused: Vec<Refused>,
    /// An error that says nothing about the files: the system cannot read now.
    pub(super) passing: Option<Error>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &'a Path, before: Option<(&'a Config, &'a Sources)>) -> Reader<'a> {
        let (files, faults, refused) = (Vec::new(), Vec::new(), Vec::new());
        Reader { path, before, keeps_replies: false, files, faults, refused, passing: None }
    }

    /// A reader of everything but the replies.
    pub(super) fn of_settings(path: &'a Path, config: &'a Config, sources: &'a Sources) -> Reader<'a> {
        Reader { keeps_replies: true, ..Reader::new(path, Some((config, sources))) }
    }

    pub(super) fn load(&mut self) -> Loaded {
        match self.settings() {
            Ok((mut loaded, lines)) => {
                self.load_parts(&mut loaded, &lines);
                loaded.warnings = lines.warnings(&loaded.sources);
                let faults = std::mem::take(&mut self.faults);
                match self.before.filter(|_| !faults.is_empty()) {
                    Some((config, sources)) => {
                        self.refuse(faults);
                        loaded.with_settings_of(config, sources)
                    }
                    None => loaded,
                }
            }
            Err(faults) => {
                self.refuse(faults);
                let Some((config, sources)) = self.before else { return Loaded::default() };
                let (config, sources) = (config.clone(), sources.clone());
                let mut loaded = Loaded { config, sources, warnings: Vec::new() };
                self.load_parts(&mut loaded, &SettingLines::default());
                loaded
            }
        }
    }

    /// Refuses the file of settings itself.
    fn refuse(&mut self, faults: Vec<String>) {
        let refused = Refused { file: self.path.to_owned(), setting: None, error: Error::config(faults) };
        self.refused.insert(0, refused);
    }

    /// Reads the settings of the file itself, and the lines of those that name files.
    fn settings(&mut self) -> Result<(Loaded, SettingLines), Vec<String>> {
        let name = self.path.display().to_string();
        let own = |sentence| vec![format!("{name}: {sentence}")];
        let Contents { bytes, metadata } = self.open(self.path, "this file", MAX_MEBIBYTES).map_err(own)?;
        let text = text(bytes, &name)?;
        if self.before.is_some() && text.trim().is_empty() {
            return Err(own("this file is empty".into()));
        }
        let (mut sections, mut faults) = ini::parse(&text);
        drop(text);
        if self.keeps_replies {
            let of_replies =
                sections.iter_mut().filter(|section| replies::SECTIONS.contains(&&*section.name));
            of_replies.for_each(|section| section.entries.clear());
        }
        let mut loaded = Loaded::of_sections(&mut sections, &name, &mut faults);
        if let Some((before, _)) = self.before.filter(|_| self.keeps_replies) {
            loaded.config.replies = before.replies.clone().with_options_of(&loaded.config.replies);
        }
        if disk::is_public(&metadata) {
            fault_plain_secret(&sections, &name, &mut faults);
        }
        fault_odd_parts(&loaded.sources, &sections, &mut faults);
        loaded.sources.resolve(self.path);
        fault_same_files(&mut loaded.sources, self.path, &sections, &mut faults);
        let lines = SettingLines::of(&sections, name);
        let mut faults = faults.lines(&lines.name);
        if self.before.is_none() && !faults.is_empty() {
            // At a start, all mistakes are reported in one run.
            self.load_parts(&mut loaded, &lines);
            faults.extend(self.refused.drain(..).map(|refused| refused.error.to_string()));
        }
        if faults.is_empty() && self.before.is_some() && !self.keeps_replies {
            faults = failing_tests(&loaded.config.replies);
        }
        if faults.is_empty() { Ok((loaded, lines)) } else { Err(faults) }
    }

    fn load_parts(&mut self, loaded: &mut Loaded, lines: &SettingLines) {
        self.load_tokens(loaded, lines);
        self.load_certificate(loaded, lines);
        self.load_logo(loaded, lines);
        if !self.keeps_replies {
            self.load_replies(loaded);
        }
    }

    fn load_tokens(&mut self, loaded: &mut Loaded, lines: &SettingLines) {
        let Loaded { config, sources, .. } = loaded;
        let mut tokens = sources.tokens();
        if let Some(file) = &sources.jwt_secret_file {
            let read = self.secret(file).and_then(|secret| {
                // Most programs that write the file end it with a line break.
                let with = tokens.clone().with_secret(secret.trim_ascii_end());
                with.map_err(|error| error.to_string())
            });
            let read = read.map_err(|sentence| lines.fault(JWT_SECRET, &sentence));
            let old = self.before.filter(|(_, before)| before.jwt_secret_file == sources.jwt_secret_file);
            let old = old.map(|(config, _)| tokens.clone().with_secret_of(&config.tokens));
            tokens = self.settle(JWT_SECRET, file, read, old).unwrap_or(tokens);
        }
        if let Some(file) = &sources.jwt_public_key_file {
            let read = self.small_file(file).and_then(|pem| {
                let with = tokens.clone().with_public_key(&pem);
                with.map_err(|error| error.to_string())
            });
            let read = read.map_err(|sentence| lines.fault(JWT_PUBLIC_KEY, &sentence));
            let old =
                self.before.filter(|(_, before)| before.jwt_public_key_file == sources.jwt_public_key_file);
            let old = old.map(|(config, _)| tokens.clone().with_public_keys_of(&config.tokens));
            tokens = self.settle(JWT_PUBLIC_KEY, file, read, old).unwrap_or(tokens);
        }
        config.tokens = tokens;
    }

    fn load_certificate(&mut self, loaded: &mut Loaded, lines: &SettingLines) {
        let Loaded { config, sources, .. } = loaded;
        let (Some(certificate), Some(private_key)) = (&sources.tls_certificate, &sources.tls_private_key)
        else {
            return;
        };
        let pem = self.small_file(certificate).map_err(|sentence| lines.fault(TLS_CERTIFICATE, &sentence));
        let key = self.secret(private_key).map_err(|sentence| lines.fault(TLS_PRIVATE_KEY, &sentence));
        let read = match (pem, key) {
            (Ok(pem), Ok(key)) => Tls::from_pem(&pem, &key).map_err(|error| {
                let sentence = error.to_string();
                let of_key = sentence.starts_with(TLS_PRIVATE_KEY);
                lines.fault(if of_key { TLS_PRIVATE_KEY } else { TLS_CERTIFICATE }, &sentence)
            }),
            (Err(one), Err(other)) => Err([one, other].concat()),
            (Err(fault), _) | (_, Err(fault)) => Err(fault),
        };
        let is_old = |before: &Sources| {
            (&before.tls_certificate, &before.tls_private_key)
                == (&sources.tls_certificate, &sources.tls_private_key)
        };
        let old = self.before.filter(|(_, before)| is_old(before)).and_then(|(config, _)| config.tls.clone());
        config.tls = self.settle(TLS_CERTIFICATE, certificate, read, old);
    }

    fn load_logo(&mut self, loaded: &mut Loaded, lines: &SettingLines) {
        let Loaded { config, sources, .. } = loaded;
        let Some(file) = &sources.logo else { return };
        let read =
            self.small_file(file).and_then(|bytes| Logo::new(bytes).map_err(|error| error.to_string()));
        let read = read.map_err(|sentence| lines.fault(LOGO, &sentence));
        let old = self.before.filter(|(_, before)| before.logo == sources.logo);
        config.logo = self.settle(LOGO, file, read, old.and_then(|(config, _)| config.logo.clone()));
    }

    fn load_replies(&mut self, loaded: &mut Loaded) {
        let Loaded { config, sources, .. } = loaded;
        let Some(file) = &sources.replies_file else { return };
        let read = self.replies(file, &config.replies);
        let old = self.before.filter(|(_, before)| before.replies_file == sources.replies_file);
        // There may be many of them, so they are copied only where needed.
        let old = old.filter(|_| read.is_err()).map(|(config, _)| config.replies.clone());
        if let Some(replies) = self.settle(REPLIES, file, read, old) {
            config.replies = replies.with_options_of(&config.replies);
        }
    }

    /// Reads the replies from a file of their own, with the options of those in the file of settings.
    fn replies(&mut self, file: &Path, of_settings: &Replies) -> Result<Replies, Vec<String>> {
        let name = file.display().to_string();
        let read = self.open(file, "this file", MAX_MEBIBYTES);
        let text = text(read.map_err(|sentence| vec![format!("{name}: {sentence}")])?.bytes, &name)?;
        let (replies, faults) = Replies::read_file(text, &name);
        let replies = replies.with_options_of(of_settings);
        let mut faults = faults.lines(&name);
        if faults.is_empty() && self.before.is_some() {
            faults = failing_tests(&replies);
        }
        if faults.is_empty() { Ok(replies) } else { Err(faults) }
    }

    /// Returns an accepted part, or its replacement.
    fn settle<T>(
        &mut self,
        setting: &'static str,
        file: &Path,
        read: Result<T, Vec<String>>,
        old: Option<T>,
    ) -> Option<T> {
        let mut faults = match read {
            Ok(part) => return Some(part),
            Err(faults) => faults,
        };
        if self.before.is_some() && old.is_none() {
            self.faults.append(&mut faults);
        } else {
            let (file, setting) = (file.to_owned(), Some(setting));
            self.refused.push(Refused { file, setting, error: Error::config(faults) });
        }
        old
    }

    /// Reads the file of a setting.
    fn small_file(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        Ok(self.open(file, &file.display().to_string(), MAX_SMALL_MEBIBYTES)?.bytes)
    }

    /// The same for a file that nobody else may read.
    fn secret(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        let subject = file.display().to_string();
        let Contents { bytes, metadata } = self.open(file, &subject, MAX_SMALL_MEBIBYTES)?;
        if disk::is_public(&metadata) {
            return Err(format!("everyone can read {subject}; run: chmod o-rwx '{subject}'"));
        }
        Ok(bytes)
    }

    /// Reads a file. All files are read here, so that `files` is complete.
    fn open(&mut self, file: &Path, subject: &str, max_mebibytes: u64) -> Result<Contents, String> {
        let read = disk::read(file, subject, max_mebibytes);
        let metadata = read.as_ref().ok().map(|contents| contents.metadata.clone());
        self.files.push(Source { path: file.to_owned(), metadata });
        read.map_err(|unread| match unread {
            ReadError::Faulty(sentence) => sentence,
            ReadError::Passing(error) => {
                let sentence = format!("cannot read {}", file.display());
                self.passing.get_or_insert(Error::io(sentence, error)).to_string()
            }
        })
    }
}

const TLS_CERTIFICATE: &str = "tls_certificate";
const TLS_PRIVATE_KEY: &str = "tls_private_key";
const JWT_SECRET: &str = "jwt_secret_file";
const JWT_PUBLIC_KEY: &str = "jwt_public_key_file";
const LOGO: &str = "logo";
const REPLIES: &str = "replies_file";

/// Lines of the settings that name files, for errors about those files.
#[derive(Default)]
struct SettingLines {
    name: String,
    lines: Vec<(String, usize)>,
    /// What visitors would see as it stands in the settings that they read.
    shown: Faults,
}

impl SettingLines {
    fn of(sections: &[Section], name: String) -> SettingLines {
        let entries = sections.iter().flat_map(|section| &section.entries);
        let is_file = |name: &str| name.starts_with("tls_") || name.starts_with("jwt_") || name == LOGO;
        let of_files = entries.filter(|entry| is_file(&entry.name));
        let lines = of_files.map(|entry| (entry.name.clone(), entry.line)).collect();
        let mut shown = Faults::default();
        for section in sections {
            let is_shown = |entry: &&Entry| match &*section.name {
                "bot" | "web" => ["greeting", "title", "did_you_mean"].contains(&&*entry.name),
                name => name == PAGE_TEXTS,
            };
            let read = section.entries.iter().filter(is_shown);
            read.for_each(|entry| replies::check_text(entry, &mut shown));
        }
        SettingLines { name, lines, shown }
    }

    fn fault(&self, setting: &str, sentence: &str) -> Vec<String> {
        vec![match self.line(setting) {
            Some(line) => format!("{}:{line}: {setting}: {sentence}", self.name),
            None => format!("{setting}: {sentence}"),
        }]
    }

    fn line(&self, setting: &str) -> Option<usize> {
        self.lines.iter().find(|(name, _)| name == setting).map(|(_, line)| *line)
    }

    /// Warnings about settings that have no effect without another one, and about texts that look otherwise than meant.
    fn warnings(&self, sources: &Sources) -> Vec<String> {
        let mut warnings = self.shown.lines(&self.name);
        if sources.jwt_secret_file.is_some() || sources.jwt_public_key_file.is_some() {
            return warnings;
        }
        let claims = [("jwt_issuer", &sources.jwt_issuer), ("jwt_audience", &sources.jwt_audience)];
        let idle = claims.iter().filter(|(_, value)| !value.is_empty()).map(|(setting, _)| {
            self.fault(setting, "has no effect without jwt_secret_file or jwt_public_key_file").concat()
        });
        warnings.extend(idle);
        warnings
    }
}

fn fault_plain_secret(sections: &[Section], name: &str, faults: &mut Faults) {
    let keys = sections.iter().filter(|section| section.name.starts_with("key "));
    if let Some(entry) = keys.flat_map(|section| &section.entries).find(|entry| entry.name == "secret") {
        let sentence = format!("a plain secret, and everyone can read this file; run: chmod o-rwx '{name}'");
        faults.push(Fault::new(entry.line, sentence));
    }
}

/// Reports half a certificate pair, and replies in two lines.
fn fault_odd_parts(sources: &Sources, sections: &[Section], faults: &mut Faults) {
    let (given, missing) = match (&sources.tls_certificate, &sources.tls_private_key) {
        (Some(_), None) => (TLS_CERTIFICATE, TLS_PRIVATE_KEY),
        (None, Some(_)) => (TLS_PRIVATE_KEY, TLS_CERTIFICATE),
        _ => ("", ""),
    };
    let mut entries = sections.iter().flat_map(|section| &section.entries);
    if let Some(entry) = entries.find(|entry| entry.name == given) {
        faults.push(Fault::new(entry.line, format!("{given}: {missing} is needed as well")));
    }
    let replies = sections.iter().find(|section| replies::SECTIONS.contains(&&*section.name));
    if let Some(section) = replies.filter(|_| sources.replies_file.is_some()) {
        let sentence = format!("[{}] belongs in the replies_file; move these lines there", section.name);
        faults.push(Fault::new(section.line, sentence));
    }
}

/// Reports files that two settings name: what is written to one of them would destroy the other. A certificate and its key may be in
/// one file.
fn fault_same_files(sources: &mut Sources, settings: &Path, sections: &[Section], faults: &mut Faults) {
    let line = |name: &str| {
        let entry = sections.iter().flat_map(|section| &section.entries).find(|entry| entry.name == name);
        entry.map_or(1, |entry| entry.line)
    };
    let mut before: Vec<(&str, &Path)> = vec![("", settings)];
    for (name, file) in sources.named_files() {
        let Some(file) = file.as_deref() else { continue };
        let is_same = |(other, path): &&(&str, &Path)| {
            (*other, name) != (TLS_CERTIFICATE, TLS_PRIVATE_KEY) && disk::is_same_file(path, file)
        };
        if let Some((other, _)) = before.iter().find(is_same) {
            let whose = match *other {
                "" => "the file of settings itself".to_owned(),
                other => format!("the file of {other} (line {})", line(other)),
            };
            faults.push(Fault::new(line(name), format!("{name}: this is {whose}; name another file")));
        }
        before.push((name, file));
    }
}

/// Errors of the `[tests]` that fail, limited like all errors.
fn failing_tests(replies: &Replies) -> Vec<String> {
    let mut failures = replies.failures();
    let more = failures.len().saturating_sub(MAX_FAULTS);
    failures.truncate(MAX_FAULTS);
    failures.extend((more > 0).then(|| format!("and {more} more")));
    failures
}

fn text(bytes: Vec<u8>, name: &str) -> Result<String, Vec<String>> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = str::from_utf8(before).map_or(1, ini::line_after);
        vec![format!("{name}:{line}: this is not UTF-8; save the file as UTF-8")]
    })
}
