//! `replyd check`: validates the files, warns about the replies and runs their `[tests]`.

use std::{fs::File, io, net::TcpListener, path::Path};

use nix::unistd::{AccessFlags, Uid, User, access};
use replyd::{Config, ConfigFiles, Loaded, RejectedFile, ReloadResult, Replies};

use crate::{
    console::{Failure, FileArgs, OWNER, config_reader, counted, print},
    records::{statistics, unanswered},
};

/// Number of typos that are tried in each of the `[tests]`.
const TYPO_ROUNDS: u32 = 8;
/// Number of failing `[tests]` that are printed; nobody fixes more in one go.
const MAX_SHOWN_FAILURES: usize = 50;
/// Number of warnings above which the summary says "more than": the library lists no more than these.
const MAX_COUNTED_WARNINGS: usize = 50;

/// Check the configuration and the replies, and run the [tests].
///
/// Also warns about likely mistakes, and tries the tests with typos. The exit code is 0 if all
/// is well, 1 if a test fails, 2 if the configuration has mistakes.
#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    file: FileArgs,
    /// List the tests that pass only because their own sentence is in [tests].
    #[arg(long)]
    unproven: bool,
    /// Only check whether a running server would accept the files. Failing tests count; warnings and failing
    /// offers do not.
    #[arg(long, conflicts_with = "unproven")]
    reload: bool,
}

impl CheckArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Some(file) = self.file.path() else {
            return check_replies(&Loaded::default(), "built-in", self.unproven);
        };
        if self.reload {
            return check_reload(&file);
        }
        let ReloadResult { loaded, rejected, .. } = config_reader().read(&file, None)?;
        if rejected.iter().any(|rejected| matches!(rejected.setting, None | Some("replies_file"))) {
            return Err(unaccepted(&rejected));
        }
        // Valid replies are worth a report, even if the command fails all the same.
        let started = if rejected.is_empty() { check_start(&loaded.config) } else { Ok(()) };
        started.and_then(|()| check_replies(&loaded, &file.display().to_string(), self.unproven))?;
        if rejected.is_empty() { Ok(()) } else { Err(unaccepted(&rejected)) }
    }
}

/// Checks the files as a running server does: an empty file and failing tests are mistakes, too.
fn check_reload(file: &Path) -> Result<(), Failure> {
    let ReloadResult { loaded, rejected, .. } =
        config_reader().read(file, Some((&Config::default(), &ConfigFiles::default())))?;
    if rejected.is_empty() { check_start(&loaded.config) } else { Err(unaccepted(&rejected)) }
}

fn unaccepted(rejected: &[RejectedFile]) -> Failure {
    let mut sentences: Vec<String> = rejected.iter().map(|rejected| rejected.error.to_string()).collect();
    if rejected.iter().any(|rejected| is_forbidden(&rejected.file)) {
        sentences.push(format!(
            "checked as {}; a server that runs as another user may be able to read more, or less",
            current_user()
        ));
    }
    Failure::usage(sentences.join("\n"))
}

fn is_forbidden(file: &Path) -> bool {
    File::open(file).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

fn current_user() -> String {
    let id = Uid::effective();
    let name = User::from_uid(id).ok().flatten().map(|user| format!(" ({})", user.name));
    format!("user {id}{}", name.unwrap_or_default())
}

/// Checks what a start needs besides valid files. A port in use may be that of the running server.
fn check_start(config: &Config) -> Result<(), Failure> {
    config.check_exposure()?;
    match TcpListener::bind(&config.listen) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => Err(Failure::usage(format!(
            "listen: cannot listen on {} as {}: {error}",
            config.listen,
            current_user()
        ))),
        _ => Ok(()),
    }
}

fn check_replies(loaded: &Loaded, name: &str, lists_unproven: bool) -> Result<(), Failure> {
    let replies = &loaded.config.replies;
    let warnings = [loaded.warnings.clone(), replies.warnings(), warnings_of_records(loaded)].concat();
    let failed_tests = replies.failures();
    let failed_offers = replies.failed_offers(&loaded.config.greeting);
    warnings.iter().try_for_each(|warning| print(format_args!("warning: {warning}")))?;
    replies.hints().iter().try_for_each(|hint| print(format_args!("hint: {hint}")))?;
    print_failures(failed_tests.iter().chain(&failed_offers))?;
    let passed = replies.tests() - failed_tests.len();
    let warned = match warnings.len() {
        count @ 0..=MAX_COUNTED_WARNINGS => counted(count, "warning", "warnings"),
        _ => format!("more than {MAX_COUNTED_WARNINGS} warnings"),
    };
    print(format_args!(
        "{name}: {}, {warned}, {passed} of {} pass",
        counted(replies.len(), "reply", "replies"),
        counted(replies.tests(), "test", "tests")
    ))?;
    let remarks = untested(replies).into_iter().chain(robustness(replies));
    remarks.chain(unproven(replies, lists_unproven)).try_for_each(print)?;
    let failed = [(failed_tests.len(), "test", "tests"), (failed_offers.len(), "offer", "offers")];
    let all: Vec<String> = failed
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| counted(*count, one, many))
        .collect();
    match failed_tests.len() + failed_offers.len() {
        0 => Ok(()),
        1 => Err(Failure::new(format!("{} fails", all[0]))),
        _ => Err(Failure::new(format!("{} fail", all.join(" and ")))),
    }
}

/// Warnings about the files to which a server would write.
fn warnings_of_records(loaded: &Loaded) -> Vec<String> {
    let ConfigFiles { unanswered_file, statistics_file, replies_file, .. } = &loaded.files;
    let unanswered = unanswered_file.as_deref().and_then(unanswered::warning);
    let statistics = statistics_file.as_deref().and_then(statistics::warning);
    let has_owner = loaded.config.keys_with_role(Some(OWNER)).next().is_some();
    let of_owner = replies_file.as_deref().filter(|_| has_owner);
    let written = loaded.files.written().map(|(_, file)| file).chain(of_owner);
    let unwritable = written.filter_map(unwritable_folder);
    unanswered.into_iter().chain(statistics).chain(unwritable).collect()
}

fn print_failures<'a>(failures: impl Iterator<Item = &'a String> + Clone) -> Result<(), Failure> {
    let more = failures.clone().count().saturating_sub(MAX_SHOWN_FAILURES);
    for failure in failures.take(MAX_SHOWN_FAILURES) {
        print(format_args!("failed: {failure}"))?;
    }
    if more > 0 {
        print(format_args!("failed: and {more} more"))?;
    }
    Ok(())
}

/// Why the server cannot make new files beside a file, as it does when the file is replaced or full.
fn unwritable_folder(file: &Path) -> Option<String> {
    // A link stays, and its target is replaced.
    let real = file.canonicalize().ok().filter(|_| file.is_symlink());
    let folder = real.as_deref().unwrap_or(file).parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    access(folder, AccessFlags::W_OK | AccessFlags::X_OK).err().map(|error| {
        format!(
            "cannot keep {}: {} may not write to the folder {} ({}); check as the user that the server runs as, and give it the folder",
            file.display(),
            current_user(),
            folder.display(),
            error.desc()
        )
    })
}

/// How many replies have no test.
fn untested(replies: &Replies) -> Option<String> {
    let count = replies.untested();
    let have = counted(count, "reply has", "replies have");
    (count > 0 && replies.tests() > 0).then(|| format!("{have} no line under [tests]"))
}

/// How many tests still pass with typos.
fn robustness(replies: &Replies) -> Option<String> {
    let outcomes = replies.robustness(TYPO_ROUNDS);
    let total = outcomes.total();
    if total == 0 {
        return None;
    }
    // Rounded so that nothing looks better than it is.
    let right = outcomes.right * 100 / total;
    let wrong = (outcomes.wrong * 100).div_ceil(total);
    let unknown = 100 - right - wrong;
    let untried = match outcomes.untried {
        0 => String::new(),
        untried => format!("; {untried} more were not tried, which would take too long"),
    };
    Some(format!(
        "with a typo in each test ({TYPO_ROUNDS} different ones): {right} % right, {wrong} % wrong, {unknown} % unknown{untried}"
    ))
}

/// The number of tests that prove little, or the tests themselves.
fn unproven(replies: &Replies, lists_them: bool) -> Vec<String> {
    let (unproven, untried) = replies.unproven_tests();
    if lists_them && unproven.is_empty() {
        return vec!["unproven: none".to_owned()];
    }
    if lists_them {
        return unproven.iter().map(|test| format!("unproven: {test}")).collect();
    }
    let of = match untried {
        0 => String::new(),
        untried => format!(" of the {} that were tried", replies.tests() - untried),
    };
    match unproven.len() {
        0 => Vec::new(),
        1 => vec![format!(
            "1 test{of} passes only because its own sentence is in [tests]; --unproven shows it"
        )],
        count => vec![format!(
            "{count} tests{of} pass only because their own sentences are in [tests]; --unproven lists them"
        )],
    }
}
