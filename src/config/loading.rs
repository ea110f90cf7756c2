//! Settings from a file and the files that it names: each is read once, and judged on its own.

use std::path::{Path, PathBuf};

use super::{
    Config,
    disk::{self, Contents, Unread},
    sources::{Source, Sources},
};
use crate::{
    error::Error,
    ini::{self, Fault, Faults, MAX_FAULTS, Section},
    replies::{self, Replies},
    stream::Tls,
};

/// 100,000 replies of a few lines each are a third of it.
const MAX_MEBIBYTES: u64 = 64;
/// Chains of certificates are a few kilobytes long.
const MAX_CREDENTIAL_MEBIBYTES: u64 = 1;

/// What a file of settings says.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Loaded {
    /// The settings of a server.
    pub config: Config,
    /// Where they are from, and what the file says to the program around the server.
    pub sources: Sources,
    /// Settings that have no effect, a sentence for each, with its line; [`Replies::warnings`] has those of the replies.
    pub warnings: Vec<String>,
}

/// What came of reading a file of settings part by part.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reading {
    /// The settings, with every part that is good.
    pub loaded: Loaded,
    /// The files that are not good; the settings are not from them.
    pub refused: Vec<Refused>,
    /// All files whose change may change this.
    pub files: Vec<PathBuf>,
}

/// A file that was not accepted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused {
    /// Its path.
    pub file: PathBuf,
    /// The setting that names it; `None` for the file of settings itself.
    pub setting: Option<&'static str>,
    /// What is wrong with it, a line for each fault.
    pub error: Error,
}

impl Config {
    /// Reads the settings in a file of at most 64 MiB of UTF-8, and the files that it names.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`]; also when a file cannot be read, or holds a secret and everybody on this machine may read it. An
    /// error that [is not about the configuration](Error::is_config) is the system's, and another try may succeed.
    pub fn load(path: impl AsRef<Path>) -> Result<Loaded, Error> {
        let Reading { loaded, refused, .. } = Config::read(path, None)?;
        let faults: Vec<String> = refused.iter().map(|refused| refused.error.to_string()).collect();
        if faults.is_empty() { Ok(loaded) } else { Err(Error::config(faults)) }
    }

    /// Reads the settings in a file so that one bad part does not keep out the others. The settings of the file itself are
    /// one part, the certificate with its private key is one, and so is each other file that it names.
    ///
    /// A part that is not good is [`refused`](Reading::refused), and the settings have what `before` had of it; or their
    /// default, without any `before`. A file that `before` did not name yet counts to the settings that name it. With
    /// `before`, an empty file and failing `[tests]` are faults too.
    ///
    /// # Errors
    ///
    /// When the system cannot read anything now, for want of descriptors or memory, or a device has trouble.
    pub fn read(path: impl AsRef<Path>, before: Option<(&Config, &Sources)>) -> Result<Reading, Error> {
        let path = path.as_ref();
        let (files, faults, refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut reader = Reader { path, before, files, faults, refused, passing: None };
        let mut loaded = reader.load();
        if let Some(error) = reader.passing {
            return Err(error);
        }
        let mut files: Vec<PathBuf> = Vec::new();
        for Source { path, .. } in &reader.files {
            if !files.contains(path) {
                files.push(path.clone());
            }
        }
        loaded.sources.files = reader.files;
        Ok(Reading { loaded, refused: reader.refused, files })
    }
}

impl Loaded {
    /// These files over other settings: what is from files that `sources` names as well stays, and all else is from `config`.
    #[must_use]
    pub fn with_settings_of(self, config: &Config, sources: &Sources) -> Loaded {
        let mut config = config.clone();
        let is_same = |file: fn(&Sources) -> &Option<PathBuf>| {
            file(&self.sources) == file(sources) && file(sources).is_some()
        };
        if is_same(|sources| &sources.replies_file) {
            config.replies = self.config.replies;
        }
        if is_same(|sources| &sources.tls_certificate) && is_same(|sources| &sources.tls_private_key) {
            config.tls = self.config.tls;
        }
        Loaded { config, sources: sources.clone(), warnings: self.warnings }
    }
}

/// Reads one file after the other, and collects what is wrong.
struct Reader<'a> {
    path: &'a Path,
    before: Option<(&'a Config, &'a Sources)>,
    files: Vec<Source>,
    /// Of files that are named for the first time.
    faults: Vec<String>,
    refused: Vec<Refused>,
    /// The system cannot read now, whatever is in the files.
    passing: Option<Error>,
}

impl Reader<'_> {
    fn load(&mut self) -> Loaded {
        match self.settings() {
            Ok((mut loaded, places)) => {
                self.load_parts(&mut loaded, &places);
                loaded.warnings = places.warnings(&loaded.sources);
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
                self.load_parts(&mut loaded, &Places::default());
                loaded
            }
        }
    }

    /// The file of settings itself is not good.
    fn refuse(&mut self, faults: Vec<String>) {
        let refused = Refused { file: self.path.to_owned(), setting: None, error: Error::config(faults) };
        self.refused.insert(0, refused);
    }

    /// The settings of the file itself, and where they stand; or what is wrong with it.
    fn settings(&mut self) -> Result<(Loaded, Places), Vec<String>> {
        let name = self.path.display().to_string();
        let own = |sentence| vec![format!("{name}: {sentence}")];
        let Contents { bytes, metadata } = self.open(self.path, "this file", MAX_MEBIBYTES).map_err(own)?;
        let text = text(bytes, &name)?;
        if self.before.is_some() && text.trim().is_empty() {
            return Err(own("this file is empty".into()));
        }
        let (sections, mut faults) = ini::parse(&text);
        drop(text);
        let mut loaded = Loaded::of_sections(&sections, &name, &mut faults);
        if disk::is_public(&metadata) {
            fault_plain_secret(&sections, &name, &mut faults);
        }
        fault_odd_parts(&loaded.sources, &sections, &mut faults);
        loaded.sources.resolve(self.path);
        let places = Places::of(&sections, name);
        let mut faults = faults.lines(&places.name);
        if self.before.is_none() && !faults.is_empty() {
            // At a start all that is wrong is reported in one run.
            self.load_parts(&mut loaded, &places);
            faults.extend(self.refused.drain(..).map(|refused| refused.error.to_string()));
        }
        if faults.is_empty() && self.before.is_some() {
            faults = failing_tests(&loaded.config.replies);
        }
        if faults.is_empty() { Ok((loaded, places)) } else { Err(faults) }
    }

    fn load_parts(&mut self, loaded: &mut Loaded, places: &Places) {
        self.load_tokens(loaded, places);
        self.load_certificate(loaded, places);
        self.load_replies(loaded);
    }

    fn load_tokens(&mut self, loaded: &mut Loaded, places: &Places) {
        let Loaded { config, sources, .. } = loaded;
        let mut tokens = sources.tokens();
        if let Some(file) = &sources.jwt_secret_file {
            let read = self.secret(file).and_then(|secret| {
                // Whatever made the file may have ended it with a line break.
                let with = tokens.clone().with_secret(secret.trim_ascii_end());
                with.map_err(|error| error.to_string())
            });
            let read = read.map_err(|sentence| places.fault(JWT_SECRET, &sentence));
            let old = self.before.filter(|(_, before)| before.jwt_secret_file == sources.jwt_secret_file);
            let old = old.map(|(config, _)| tokens.clone().with_secret_of(&config.tokens));
            tokens = self.settle(JWT_SECRET, file, read, old).unwrap_or(tokens);
        }
        if let Some(file) = &sources.jwt_public_key_file {
            let read = self.credential(file).and_then(|pem| {
                let with = tokens.clone().with_public_key(&pem);
                with.map_err(|error| error.to_string())
            });
            let read = read.map_err(|sentence| places.fault(JWT_PUBLIC_KEY, &sentence));
            let old =
                self.before.filter(|(_, before)| before.jwt_public_key_file == sources.jwt_public_key_file);
            let old = old.map(|(config, _)| tokens.clone().with_public_keys_of(&config.tokens));
            tokens = self.settle(JWT_PUBLIC_KEY, file, read, old).unwrap_or(tokens);
        }
        config.tokens = tokens;
    }

    fn load_certificate(&mut self, loaded: &mut Loaded, places: &Places) {
        let Loaded { config, sources, .. } = loaded;
        let (Some(certificate), Some(private_key)) = (&sources.tls_certificate, &sources.tls_private_key)
        else {
            return;
        };
        let pem = self.credential(certificate).map_err(|sentence| places.fault(TLS_CERTIFICATE, &sentence));
        let key = self.secret(private_key).map_err(|sentence| places.fault(TLS_PRIVATE_KEY, &sentence));
        let read = match (pem, key) {
            (Ok(pem), Ok(key)) => {
                Tls::from_pem(&pem, &key).map_err(|error| places.fault(TLS_CERTIFICATE, &error.to_string()))
            }
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

    fn load_replies(&mut self, loaded: &mut Loaded) {
        let Loaded { config, sources, .. } = loaded;
        let Some(file) = &sources.replies_file else { return };
        let read = self.replies(file);
        let old = self.before.filter(|(_, before)| before.replies_file == sources.replies_file);
        // They may be many: a copy is made where one is needed.
        let old = old.filter(|_| read.is_err()).map(|(config, _)| config.replies.clone());
        if let Some(replies) = self.settle(REPLIES, file, read, old) {
            config.replies = replies;
        }
    }

    /// Reads the replies from a file of their own.
    fn replies(&mut self, file: &Path) -> Result<Replies, Vec<String>> {
        let name = file.display().to_string();
        let read = self.open(file, "this file", MAX_MEBIBYTES);
        let text = text(read.map_err(|sentence| vec![format!("{name}: {sentence}")])?.bytes, &name)?;
        let is_empty = text.trim().is_empty();
        let (sections, mut faults) = ini::parse(&text);
        drop(text);
        let (replies, found) = Replies::from_file(&sections, &name);
        faults.append(found);
        if !sections.iter().any(|section| section.name == "replies") {
            let what =
                if is_empty { "this file is empty" } else { "there is no [replies] in this file of replies" };
            faults.push(Fault::new(1, what));
        }
        let mut faults = faults.lines(&name);
        if faults.is_empty() && self.before.is_some() {
            faults = failing_tests(&replies);
        }
        if faults.is_empty() { Ok(replies) } else { Err(faults) }
    }

    /// Accepts a part, or gives what comes in its place.
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

    /// What the file of a setting holds.
    fn credential(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        Ok(self.open(file, &file.display().to_string(), MAX_CREDENTIAL_MEBIBYTES)?.bytes)
    }

    /// The same for a file that nobody else may read.
    fn secret(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        let subject = file.display().to_string();
        let Contents { bytes, metadata } = self.open(file, &subject, MAX_CREDENTIAL_MEBIBYTES)?;
        if disk::is_public(&metadata) {
            return Err(format!("everybody may read {subject}; type: chmod o-rwx '{subject}'"));
        }
        Ok(bytes)
    }

    /// Reads a file: the one place that does.
    fn open(&mut self, file: &Path, subject: &str, max_mebibytes: u64) -> Result<Contents, String> {
        let read = disk::read(file, subject, max_mebibytes);
        let metadata = read.as_ref().ok().map(|contents| contents.metadata.clone());
        self.files.push(Source { path: file.to_owned(), metadata });
        read.map_err(|unread| match unread {
            Unread::Faulty(sentence) => sentence,
            Unread::Passing(error) => {
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
const REPLIES: &str = "replies_file";

/// Where the settings stand that name files, for what is wrong with those.
#[derive(Default)]
struct Places {
    name: String,
    lines: Vec<(String, usize)>,
}

impl Places {
    fn of(sections: &[Section], name: String) -> Places {
        let entries = sections.iter().flat_map(|section| &section.entries);
        let of_files =
            entries.filter(|entry| entry.name.starts_with("tls_") || entry.name.starts_with("jwt_"));
        Places { name, lines: of_files.map(|entry| (entry.name.clone(), entry.line)).collect() }
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

    /// Settings that do nothing without another one.
    fn warnings(&self, sources: &Sources) -> Vec<String> {
        if sources.jwt_secret_file.is_some() || sources.jwt_public_key_file.is_some() {
            return Vec::new();
        }
        let claims = [("jwt_issuer", &sources.jwt_issuer), ("jwt_audience", &sources.jwt_audience)];
        let idle = claims.iter().filter(|(_, value)| !value.is_empty()).map(|(setting, _)| {
            self.fault(setting, "has no effect without jwt_secret_file or jwt_public_key_file").concat()
        });
        idle.collect()
    }
}

fn fault_plain_secret(sections: &[Section], name: &str, faults: &mut Faults) {
    let keys = sections.iter().filter(|section| section.name.starts_with("key "));
    if let Some(entry) = keys.flat_map(|section| &section.entries).find(|entry| entry.name == "secret") {
        let sentence =
            format!("a plain secret, and everybody may read this file; type: chmod o-rwx '{name}'");
        faults.push(Fault::new(entry.line, sentence));
    }
}

/// Half a pair, and replies in two places.
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
        let sentence = format!("[{}] belongs into the replies_file; put these lines there", section.name);
        faults.push(Fault::new(section.line, sentence));
    }
}

/// The lines of `[tests]` that fail, as many as anybody mends in one go.
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
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        vec![format!("{name}:{line}: this is not UTF-8; save the file as UTF-8")]
    })
}
