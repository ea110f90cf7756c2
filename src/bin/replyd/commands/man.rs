//! `replyd man DIR`: writes the manual pages, made from the definition of the command line.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Command;
use clap_mangen::{
    Man as Page,
    roff::{Roff, roman},
};

use crate::console::Failure;

/// Write the manual pages into a folder.
///
/// There is one for the program and one for each command. Pages of an older version are replaced.
#[derive(clap::Args)]
pub(crate) struct ManArgs {
    /// The folder, such as /usr/local/share/man/man1; created if it does not exist.
    folder: PathBuf,
}

impl ManArgs {
    pub(crate) fn run(self, program: Command) -> Result<(), Failure> {
        let ManArgs { folder } = self;
        let failed =
            |error| Failure::new(format!("cannot write manual pages into {}: {error}", folder.display()));
        fs::create_dir_all(&folder).map_err(failed)?;
        // "help" would get a page for each command once more.
        let mut program = program.disable_help_subcommand(true);
        program.build();
        write_pages(&program, &folder).map_err(failed)
    }
}

fn write_pages(command: &Command, folder: &Path) -> io::Result<()> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        write_pages(command, folder)?;
    }
    let page = Page::new(command.clone());
    fs::write(folder.join(page.get_filename()), text_of(&page, command)?)
}

fn text_of(page: &Page, command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    if let Some(end) = command.get_after_long_help() {
        write_sections(&end.to_string(), &mut text)?;
    }
    Ok(text)
}

/// Writes the end of `--help`: a line without indentation begins a section, whose lines stay as they are.
fn write_sections(help: &str, out: &mut Vec<u8>) -> io::Result<()> {
    let mut page = Roff::new();
    for line in help.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ") {
            Some(line) => page.text([roman(line)]),
            None => page
                .control("fi", [])
                .control("SH", [line.trim_end_matches(':').to_uppercase().as_str()])
                .control("nf", []),
        };
    }
    page.control("fi", []).to_writer(out)
}
