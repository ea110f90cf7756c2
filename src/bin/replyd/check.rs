//! `replyd check`: validates the files as a start does, then warns about the replies and runs their `[tests]`.

use std::{fs::File, io, net::TcpListener, path::Path};

use nix::unistd::{AccessFlags, Uid, User, access};
use replyd::{Config, ConfigFiles, Loaded, RejectedFile, ReloadResult, Replies};

use crate::{
    args::CheckArgs, failure::Failure, output::print, settings, statistics, unanswered::file::fault,
};

/// Number of typos that are tried in each of the `[tests]`.
const TYPO_ROUNDS: u32 = 8;
/// Number of failing `[tests]` that are printed; nobody fixes more in one go.
const MAX_SHOWN_FAILURES: usize = 50;
/// Number of warnings above which the summary says "more than": the library lists no more than these.
const MAX_COUNTED_WARNINGS: usize = 50;

/// Reads the configuration, and prints its warnings and the `[tests]` that fail.
pub(crate) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let file = settings::file(args.file.config.as_deref());
    let name = settings::name(file.as_deref());
    if let Some(file) = file.as_deref().filter(|_| args.reload) {
        return check_reload(file);
    }
    let Some(ReloadResult { loaded, rejected, .. }) =
        file.map(|file| settings::reader().read(file, None)).transpose()?
    else {
        return check_replies(&Loaded::default(), &name, args.unproven);
    };
    if rejected.iter().any(|rejected| matches!(rejected.setting, None | Some("replies_file"))) {
        return Err(unaccepted(&rejected));
    }
    if !rejected.is_empty() {
        // The replies are valid, so their warnings and tests are worth showing; the command fails all the same.
        check_replies(&loaded, &name, args.unproven).and(Err(unaccepted(&rejected)))
    } else {
        check_start(&loaded.config)?;
        check_replies(&loaded, &name, args.unproven)
    }
}

/// Judges the files as a running server does: it has replies already, so that an empty file and failing tests are mistakes.
fn check_reload(file: &Path) -> Result<(), Failure> {
    let ReloadResult { loaded, rejected, .. } =
        settings::reader().read(file, Some((&Config::default(), &ConfigFiles::default())))?;
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

/// Checks what a start needs besides valid files. A port in use is not an error: the running server may be what uses it.
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
    let mut warnings = [&loaded.warnings[..], &replies.warnings()].concat();
    let ConfigFiles { unanswered_file, statistics_file, replies_file, .. } = &loaded.files;
    if let Some((file, fault)) = unanswered_file.as_deref().and_then(|file| Some((file, fault(file)?))) {
        warnings.push(format!("cannot keep unanswered messages in {}: {fault}", file.display()));
    }
    warnings.extend(statistics_file.as_deref().and_then(statistics::warning));
    let has_owner = loaded.config.keys_with_role(Some(settings::OWNER)).next().is_some();
    let written = loaded.files.written().map(|(_, file)| file);
    let written = written.chain(replies_file.as_deref().filter(|_| has_owner));
    warnings.extend(written.filter_map(unwritable_folder));
    let failed_tests = replies.failures();
    let failed_offers = replies.failed_offers(&loaded.config.greeting);
    let failures: Vec<&String> = failed_tests.iter().chain(&failed_offers).collect();
    for warning in &warnings {
        print(format_args!("warning: {warning}"))?;
    }
    for hint in replies.hints() {
        print(format_args!("hint: {hint}"))?;
    }
    for failure in failures.iter().take(MAX_SHOWN_FAILURES) {
        print(format_args!("failed: {failure}"))?;
    }
    if failures.len() > MAX_SHOWN_FAILURES {
        print(format_args!("failed: and {} more", failures.len() - MAX_SHOWN_FAILURES))?;
    }
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
    print_untested(replies)?;
    print_robustness(replies)?;
    print_unproven(replies, lists_unproven)?;
    let counts = [(failed_tests.len(), "test", "tests"), (failed_offers.len(), "offer", "offers")];
    let failed = counts.iter().filter(|(count, ..)| *count > 0);
    let failed: Vec<String> = failed.map(|(count, one, many)| counted(*count, one, many)).collect();
    match failures.len() {
        0 => Ok(()),
        1 => Err(Failure::new(format!("{} fails", failed.join("")))),
        _ => Err(Failure::new(format!("{} fail", failed.join(" and ")))),
    }
}

/// What is wrong with the folder of a file, in which new ones are made when the file is replaced or full.
fn unwritable_folder(file: &Path) -> Option<String> {
    // A link stays, and what it leads to is replaced.
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

/// Prints how many replies nobody has tried.
fn print_untested(replies: &Replies) -> Result<(), Failure> {
    match replies.untested() {
        _ if replies.tests() == 0 => Ok(()),
        0 => Ok(()),
        1 => print("1 reply has no line under [tests]"),
        count => print(format_args!("{count} replies have no line under [tests]")),
    }
}

/// Prints how the replies stand up to typos.
fn print_robustness(replies: &Replies) -> Result<(), Failure> {
    let outcomes = replies.robustness(TYPO_ROUNDS);
    let total = outcomes.total();
    if total == 0 {
        return Ok(());
    }
    // Rounded so that nothing looks better than it is.
    let right = outcomes.right * 100 / total;
    let wrong = (outcomes.wrong * 100).div_ceil(total);
    let unknown = 100 - right - wrong;
    let untried = match outcomes.untried {
        0 => String::new(),
        untried => format!("; {untried} more were not tried, which would take too long"),
    };
    print(format_args!(
        "with a typo in each test ({TYPO_ROUNDS} different ones): {right} % right, {wrong} % wrong, {unknown} % unknown{untried}"
    ))
}

/// Prints the number of tests that prove little, or the tests themselves.
fn print_unproven(replies: &Replies, lists_them: bool) -> Result<(), Failure> {
    let (unproven, untried) = replies.unproven_tests();
    if lists_them && unproven.is_empty() {
        return print("unproven: none");
    }
    if lists_them {
        return unproven.iter().try_for_each(|test| print(format_args!("unproven: {test}")));
    }
    let of = match untried {
        0 => String::new(),
        untried => format!(" of the {} that were tried", replies.tests() - untried),
    };
    match unproven.len() {
        0 => Ok(()),
        1 => print(format_args!(
            "1 test{of} passes only because its own sentence is in [tests]; --unproven shows it"
        )),
        count => print(format_args!(
            "{count} tests{of} pass only because their own sentences are in [tests]; --unproven lists them"
        )),
    }
}

pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
