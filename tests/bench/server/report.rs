//! What was measured: as a table while it is measured, as JSON at the end.

use std::fmt::Write;

use serde_json::{Map, Value, json};

/// What a ratio must not pass.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Value>,
    ratios: Vec<Value>,
    missed: usize,
}

impl Report {
    /// Begins a table.
    pub(crate) fn title(&mut self, title: &str) {
        println!("\n{title}");
    }

    /// One server under one load: named values with their units in the names.
    pub(crate) fn row(&mut self, load: &str, server: &str, values: &[(&str, f64)]) {
        let mut line = format!("  {load:<28} {server:<11}");
        let mut row = Map::new();
        row.insert("load".into(), load.into());
        row.insert("server".into(), server.into());
        for (name, value) in values {
            let _ = write!(line, " {:>9} {name:<18}", shown(*value));
            row.insert((*name).into(), json!(value));
        }
        println!("{}", line.trim_end());
        self.rows.push(row.into());
    }

    /// A figure that must hold.
    pub(crate) fn ratio(&mut self, what: &str, value: f64, target: Target) {
        let (holds, words, limit) = match target {
            Target::AtMost(limit) => (value <= limit, "at most", limit),
            Target::AtLeast(limit) => (value >= limit, "at least", limit),
        };
        self.missed += usize::from(!holds);
        let verdict = if holds { "" } else { "   MISSED" };
        println!("    {what:<60} {:>8}   ({words} {limit}){verdict}", shown(value));
        self.ratios.push(json!({ "what": what, "value": value, words: limit, "holds": holds }));
    }

    /// Prints everything as one line of JSON.
    pub(crate) fn finish(self) {
        println!("\n{} of {} targets are met", self.ratios.len() - self.missed, self.ratios.len());
        println!("{}", json!({ "rows": self.rows, "ratios": self.ratios }));
    }
}

fn shown(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
