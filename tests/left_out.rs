//! Lists the tests that were left out for want of a tool, once, after all others have run.

#![expect(clippy::print_stdout, reason = "its list is its result")]

use std::{collections::BTreeMap, fs, path::Path};

fn main() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("left-out.txt");
    let Ok(lines) = fs::read_to_string(&file) else { return };
    let _ = fs::remove_file(file);
    let mut tests: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (why, test) in lines.lines().filter_map(|line| line.split_once('\t')) {
        let named = tests.entry(why).or_default();
        if !named.contains(&test) {
            named.push(test);
        }
    }
    println!("\n{} tests were LEFT OUT:", tests.values().map(Vec::len).sum::<usize>());
    for (why, named) in tests {
        println!("  {why}\n    {}", named.join(", "));
    }
}
