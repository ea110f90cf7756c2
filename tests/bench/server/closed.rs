//! Clients that ask the next question when they have their answer: how many answers, and what each costs.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    ROUNDS,
    load::Load,
    median,
    report::{Report, Target},
    subject::{Subject, processor_time},
};

/// How near to the floor replyd must be: processor time an answer at most, throughput at least.
type Limits = (f64, f64);

/// Clients, and the questions that each has under way.
const LOADS: [(usize, usize, Option<Limits>); 4] =
    [(1, 1, None), (64, 1, Some((1.12, 0.93))), (1000, 1, Some((1.12, 0.93))), (64, 16, Some((1.5, 0.8)))];

/// One server under one load.
struct Run<'a> {
    subject: &'a Subject,
    load: Load,
    throughputs: Vec<f64>,
    costs: Vec<f64>,
    shares: Vec<f64>,
    answers: u64,
}

impl<'a> Run<'a> {
    fn new(subject: &'a Subject, clients: usize) -> Run<'a> {
        let load = Load::connect(subject.address, clients);
        Run { subject, load, throughputs: vec![], costs: vec![], shares: vec![], answers: clients as u64 }
    }

    fn warm_up(&mut self, depth: usize, time: Duration) {
        self.load.run(depth, time / 4);
    }

    fn play(&mut self, depth: usize, time: Duration) {
        let (begin, spent, own) = (Instant::now(), self.subject.processor_time(), processor_time("self"));
        let answers = self.load.run(depth, time);
        let spent = (self.subject.processor_time() - spent).as_secs_f64();
        let own = (processor_time("self") - own).as_secs_f64();
        self.throughputs.push(answers as f64 / begin.elapsed().as_secs_f64());
        self.costs.push(spent * 1e6 / answers as f64);
        self.shares.push(own * 100.0 / (own + spent));
        self.answers += answers;
    }

    fn report(&self, report: &mut Report, load: &str) -> (f64, f64) {
        let [throughput, cost, share] =
            [&self.throughputs, &self.costs, &self.shares].map(|values| median(values.clone()));
        let values = [("answers/s", throughput), ("us CPU/answer", cost), ("% CPU generator", share)];
        report.row(load, self.subject.name, &values);
        (throughput, cost)
    }
}

/// Plays the servers in turns, so that whatever else the machine does hits all of them.
fn in_turns(runs: &mut [Run<'_>], depth: usize, time: Duration) {
    for _ in 0..ROUNDS {
        runs.iter_mut().for_each(|run| run.play(depth, time));
    }
}

/// All servers under all loads; the floor and replyd are the first two.
pub(crate) fn compare(report: &mut Report, subjects: &[Subject], time: Duration) {
    report.title("Clients that wait for their answers (transcript off, messages_per_second = 0)");
    for (clients, depth, limits) in LOADS {
        let load = format!("{clients} clients, {depth} under way");
        let mut runs: Vec<Run<'_>> = subjects.iter().map(|subject| Run::new(subject, clients)).collect();
        runs.iter_mut().for_each(|run| run.warm_up(depth, time));
        in_turns(&mut runs, depth, time);
        let results: Vec<(f64, f64)> = runs.iter().map(|run| run.report(report, &load)).collect();
        let [floor, replyd, ..] = results[..] else { unreachable!("there are two at least") };
        if let Some((cost, throughput)) = limits {
            let ratio = |what: &str| format!("{load}: {what}, replyd / floor");
            report.ratio(&ratio("throughput"), replyd.0 / floor.0, Target::AtLeast(throughput));
            report.ratio(&ratio("CPU an answer"), replyd.1 / floor.1, Target::AtMost(cost));
        }
    }
}

/// With a transcript to a file, of which no line may be lost.
pub(crate) fn transcript(report: &mut Report, folder: &Path, time: Duration) {
    report.title("A transcript of everything, to a file");
    let subjects = [Subject::replyd(folder, false), Subject::replyd(folder, true)];
    let mut runs = [Run::new(&subjects[0], 64), Run::new(&subjects[1], 64)];
    in_turns(&mut runs, 1, time);
    let [off, on] = [0, 1].map(|at| runs[at].report(report, "64 clients, 1 under way").0);
    report.ratio("64 clients: throughput, transcript on / off", on / off, Target::AtLeast(0.75));
    let missing = missing_lines(&Subject::log(folder), runs[1].answers);
    report.ratio("questions that the transcript does not have", missing as f64, Target::AtMost(0.0));
}

/// How many of the questions are not in the log, once it is written.
fn missing_lines(log: &Path, asked: u64) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let lines =
            BufReader::new(File::open(log).expect("there is a log")).split(b'\n').map_while(Result::ok);
        let there = lines.filter(|line| line.windows(9).any(|part| part == b"CLIENT >>")).count() as u64;
        if there >= asked || Instant::now() > deadline {
            return asked.saturating_sub(there);
        }
    }
}
