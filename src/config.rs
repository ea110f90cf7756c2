//! Every setting, and how a file of them is read.

#[macro_use]
mod table;

mod access;
mod checks;
mod disk;
mod files;
mod keys;
mod loading;
mod mistakes;
mod names;
mod reader;
mod results;
mod sections;
mod settings;
#[cfg(test)]
mod tests;
mod values;

pub use reader::ConfigReader;
pub use results::{Loaded, RejectedFile, ReloadResult};
pub use settings::{Config, ConfigFile, ConfigFiles};
pub use values::{Color, Logo, Theme, parse_duration};
