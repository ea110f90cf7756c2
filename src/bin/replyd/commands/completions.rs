//! `replyd completions SHELL`.

use clap::Command;
use clap_complete::{Shell, generate};

use crate::console::{Failure, print};

/// Print a completion script for a shell.
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    shell: Shell,
}

impl CompletionsArgs {
    pub(crate) fn run(self, mut program: Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut program, "replyd", &mut script);
        print(String::from_utf8_lossy(&script).trim_end())
    }
}
