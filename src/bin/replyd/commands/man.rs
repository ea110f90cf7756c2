//! `replyd man DIR`: writes the manual pages, made from the definition of the command line.

use std::{fs, io, path::Path};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

use crate::failure::Failure;

/// Writes a page for the program and one for each of its commands into `folder`, which is created if needed. Pages of an older
/// version are replaced.
pub(crate) fn man(mut program: Command, folder: &Path) -> Result<(), Failure> {
    let failed =
        |error| Failure::new(format!("cannot write manual pages into {}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    // "help" would get a page for each command once more.
    program = program.disable_help_subcommand(true);
    program.build();
    write_pages(&program, folder).map_err(failed)
}

fn write_pages(command: &Command, folder: &Path) -> io::Result<()> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        write_pages(command, folder)?;
    }
    let page = Man::new(command.clone());
    fs::write(folder.join(page.get_filename()), text_of(&page, command)?)
}

fn text_of(page: &Man, command: &Command) -> io::Result<Vec<u8>> {
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

/// Writes the end of `--help`: a line without indentation begins a section, and the lines of a section stay as they are.
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
