//! What the sections of a file of settings say.

use super::{
    keys::{fault_same_keys, read_key},
    names::{fault_duplicates, shown_name, suggestion},
    results::Loaded,
    settings::{Config, SETTINGS, Setting},
};
use crate::{
    auth::Role,
    ini::{self, Entry, Fault, Faults, Section},
    replies::{self, Replies},
};

/// The section with texts of the page that replace its own.
pub(super) const PAGE_TEXTS: &str = "page";

impl Loaded {
    /// Reads the settings of these sections; of the files that they name, only the names.
    pub(super) fn of_sections(
        sections: &mut [Section],
        name: &str,
        roles: &[Role],
        faults: &mut Faults,
    ) -> Loaded {
        let (replies, found) = Replies::from_sections(sections, name);
        // Some settings are part of the replies.
        let config = Config { replies, roles: roles.to_vec(), ..Config::default() };
        let mut loaded = Loaded { config, ..Loaded::default() };
        for section in &*sections {
            loaded.read_section(section, faults);
        }
        fault_same_keys(sections, faults);
        faults.append(found);
        loaded
    }

    fn read_section(&mut self, section: &Section, faults: &mut Faults) {
        match section.name.split_once(' ') {
            Some(("key", name)) => read_key(&mut self.config, name.trim(), section, faults),
            None if replies::SECTIONS.contains(&&*section.name) => {}
            None if section.name == PAGE_TEXTS => read_page_texts(&mut self.config, section, faults),
            _ if SETTINGS.iter().any(|setting| setting.section == section.name) => {
                self.read_settings(section, faults);
            }
            _ => {
                let settings = SETTINGS.iter().map(|setting| setting.section);
                let known = settings.chain(replies::SECTIONS).chain([PAGE_TEXTS, "key NAME"]);
                let hint = match ini::nearest_section(&section.name, known.clone()) {
                    Some(near) => format!("; did you mean [{near}]?"),
                    None => suggestion(&section.name, known),
                };
                faults
                    .push(Fault::new(section.line, format!("there is no section [{}]{hint}", section.name)));
            }
        }
    }

    fn read_settings(&mut self, section: &Section, faults: &mut Faults) {
        let known = || SETTINGS.iter().filter(|setting| setting.section == section.name);
        fault_duplicates(section, faults);
        for entry in &section.entries {
            let Some(setting) = known().find(|setting| setting.name == entry.name) else {
                let hint = match SETTINGS.iter().find(|setting| setting.name == entry.name) {
                    Some(elsewhere) => format!("; it belongs to [{}]", elsewhere.section),
                    None => suggestion(shown_name(&entry.name), known().map(|setting| setting.name)),
                };
                let sentence =
                    format!("[{}] has no setting {:?}{hint}", section.name, shown_name(&entry.name));
                faults.push(Fault::new(entry.line, sentence));
                continue;
            };
            if let Err(expected) = (setting.set)(&mut self.config, &mut self.files, &entry.value) {
                let Setting { name, example, .. } = setting;
                let sentence = format!(
                    "{name}: expected {expected}, found {:?}; write for example '{name} = {example}'",
                    entry.value
                );
                faults.push(Fault::new(entry.line, sentence));
            }
        }
    }
}

fn read_page_texts(config: &mut Config, section: &Section, faults: &mut Faults) {
    fault_duplicates(section, faults);
    for Entry { name, value, line, .. } in &section.entries {
        if let Err(sentence) = config.page_texts.set(shown_name(name), value) {
            faults.push(Fault::new(*line, sentence));
        }
    }
}
