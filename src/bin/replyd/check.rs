//! `replyd check`: judges the files as a start does, and the replies as their owner would.

use std::{fs::File, io, net::TcpListener, path::Path};

use nix::unistd::{Uid, User};
use replyd::{Config, Loaded, Reading, Refused};

use crate::{args::FileArgs, ask::print, failure::Failure, settings, unanswered};

/// How many failing `[tests]` are told; nobody mends more in one go.
const TOLD_FAILURES: usize = 50;
/// More warnings than this are counted as many.
const MANY_WARNINGS: usize = 50;

/// Reads the configuration, and says what works otherwise than it looks and which `[tests]` fail.
pub(crate) fn check(args: &FileArgs) -> Result<(), Failure> {
    let file = settings::file(args.config.as_deref());
    let name = settings::name(file.as_deref());
    let Some(Reading { loaded, refused, .. }) = file.map(|file| Config::read(file, None)).transpose()? else {
        return check_replies(&Loaded::default(), &name);
    };
    if refused.iter().any(|refused| matches!(refused.setting, None | Some("replies_file"))) {
        return Err(unaccepted(&refused));
    }
    if !refused.is_empty() {
        // The replies can be judged all the same; that they are good too is no success.
        check_replies(&loaded, &name).and(Err(unaccepted(&refused)))
    } else {
        check_start(&loaded.config)?;
        check_replies(&loaded, &name)
    }
}

fn unaccepted(refused: &[Refused]) -> Failure {
    let mut sentences: Vec<String> = refused.iter().map(|refused| refused.error.to_string()).collect();
    if refused.iter().any(|refused| is_forbidden(&refused.file)) {
        sentences.push(format!(
            "looked as {}; a server that runs as another user may read more, or less",
            whoever_looks()
        ));
    }
    Failure::usage(sentences.join("\n"))
}

fn is_forbidden(file: &Path) -> bool {
    File::open(file).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

fn whoever_looks() -> String {
    let id = Uid::effective();
    let name = User::from_uid(id).ok().flatten().map(|user| format!(" ({})", user.name));
    format!("user {id}{}", name.unwrap_or_default())
}

/// What a start would fail with although the files are good. A port that is taken may be the running server's own.
fn check_start(config: &Config) -> Result<(), Failure> {
    config.check_exposure()?;
    match TcpListener::bind(&config.listen) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => Err(Failure::usage(format!(
            "listen: this machine cannot listen on {} as {}: {error}",
            config.listen,
            whoever_looks()
        ))),
        _ => Ok(()),
    }
}

fn check_replies(loaded: &Loaded, name: &str) -> Result<(), Failure> {
    let replies = &loaded.config.replies;
    let mut warnings = [&loaded.warnings[..], &replies.warnings()].concat();
    if let Some(file) = &loaded.sources.unanswered_file
        && let Some(fault) = unanswered::fault(file)
    {
        warnings.push(format!("cannot keep unanswered messages in {}: {fault}", file.display()));
    }
    let failures = replies.failures();
    for warning in &warnings {
        print(format_args!("warning: {warning}"))?;
    }
    for failure in failures.iter().take(TOLD_FAILURES) {
        print(format_args!("failed: {failure}"))?;
    }
    if failures.len() > TOLD_FAILURES {
        print(format_args!("failed: and {} more", failures.len() - TOLD_FAILURES))?;
    }
    let passed = replies.tests() - failures.len();
    let warned = match warnings.len() {
        count @ 0..=MANY_WARNINGS => counted(count, "warning", "warnings"),
        _ => format!("more than {MANY_WARNINGS} warnings"),
    };
    print(format_args!(
        "{name}: {}, {warned}, {passed} of {} pass",
        counted(replies.len(), "reply", "replies"),
        counted(replies.tests(), "test", "tests")
    ))?;
    match failures.len() {
        0 => Ok(()),
        1 => Err(Failure::new("1 test fails")),
        count => Err(Failure::new(format!("{count} tests fail"))),
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
