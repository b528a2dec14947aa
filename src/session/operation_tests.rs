//! The table of every state × event, compared with `tests/golden/operation-states.txt`.

use super::*;

/// Doubles its input at the end; what it will write is known before (`exact`) or only afterwards.
struct Doubling {
    exact: bool,
    multi_part: bool,
    fails: bool,
    held: usize,
}

impl Doubling {
    fn length(&self, length: usize) -> Length {
        if self.exact { Length::Exact(length) } else { Length::AtMost(length + 1) }
    }

    fn write(&self, length: usize, output: &mut [u8]) -> Result<usize> {
        if self.fails {
            return Err(Error::DataInvalid);
        }
        output[..length].fill(b'x');
        Ok(length)
    }
}

impl Run for Doubling {
    fn update_len(&self, _input: usize) -> Length {
        Length::Exact(1)
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.held += input.len();
        self.write(1, output)
    }

    fn finish_len(&self) -> Length {
        self.length(self.held * 2 + 2)
    }

    fn finish(self, output: &mut [u8]) -> Result<usize> {
        self.write(self.held * 2 + 2, output)
    }

    fn once_len(&self, input: usize) -> Length {
        self.length(input * 2)
    }

    fn once(self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.write(input.len() * 2, output)
    }

    fn multi_part(&self) -> bool {
        self.multi_part
    }
}

const EXACT: Doubling = Doubling { exact: true, multi_part: true, fails: false, held: 0 };

fn ready(run: Doubling) -> Operation<Doubling> {
    Operation::Ready(Active::new(run, false, false))
}

fn pending(step: Step) -> Operation<Doubling> {
    Operation::OutputPending { step, result: Secret::copy_of(b"xxxx"), private: false }
}

/// The name of a state, and how an operation comes into it.
type State = (&'static str, fn() -> Operation<Doubling>);

const STATES: &[State] = &[
    ("Idle", || Operation::Idle),
    ("Ready, length known", || ready(EXACT)),
    ("Ready, length unknown", || ready(Doubling { exact: false, ..EXACT })),
    ("Ready, single-part", || ready(Doubling { multi_part: false, ..EXACT })),
    ("Ready, work fails", || ready(Doubling { fails: true, ..EXACT })),
    ("Ready, login missing", || Operation::Ready(Active::new(EXACT, true, true))),
    ("Streaming", || Operation::Streaming(Active::new(EXACT, false, false))),
    ("Pending once", || pending(Step::Once)),
    ("Pending finish", || pending(Step::Finish)),
];

type Event = (&'static str, fn(&mut Operation<Doubling>, &mut Output) -> Result<()>);

const EVENTS: &[Event] = &[
    ("once", |operation, output| operation.once(b"ab", output)),
    ("update", |operation, output| operation.update(b"ab", output)),
    ("finish", |operation, output| operation.finish(output)),
];

/// The caller's buffer: none (a query), too small, large enough.
const BUFFERS: &[(&str, Option<usize>)] = &[("query", None), ("short", Some(0)), ("large", Some(16))];

fn name(operation: &Operation<Doubling>) -> &'static str {
    match operation {
        Operation::Idle => "Idle",
        Operation::Ready(_) => "Ready",
        Operation::Streaming(_) => "Streaming",
        Operation::OutputPending { step: Step::Once, .. } => "Pending once",
        Operation::OutputPending { step: Step::Finish, .. } => "Pending finish",
    }
}

fn table() -> String {
    let mut table = String::from("state | event | buffer | answer | length | next state\n");
    for (state, make) in STATES {
        for (event, act) in EVENTS {
            for (buffer, size) in BUFFERS {
                let mut bytes = vec![0; size.unwrap_or(0)];
                let mut output = match size {
                    None => Output::query(),
                    Some(_) => Output::buffer(&mut bytes),
                };
                let mut operation = make();
                let answer = match act(&mut operation, &mut output) {
                    Ok(()) => "CKR_OK",
                    Err(error) => error.name(),
                };
                let length = output.length();
                let next = name(&operation);
                table += &format!("{state} | {event} | {buffer} | {answer} | {length} | {next}\n");
            }
        }
    }
    table
}

#[test]
fn every_state_answers_every_event_as_the_table_says() {
    let golden = include_str!("../../tests/golden/operation-states.txt");
    let table = table();
    for (line, expected) in table.lines().zip(golden.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(table.lines().count(), golden.lines().count());
}

#[test]
fn an_operation_survives_only_queries_and_short_buffers() {
    for line in table().lines().skip(1) {
        let columns: Vec<_> = line.split(" | ").collect();
        let [state, event, buffer, answer, _, next] = columns[..] else { panic!("{line}") };
        let survives = next != "Idle";
        let may_survive = buffer == "query" && answer == "CKR_OK"
            || answer == "CKR_BUFFER_TOO_SMALL"
            || event == "update" && answer == "CKR_OK";
        assert!(!survives || may_survive, "{state}: {line}");
    }
}

#[test]
fn a_context_specific_login_serves_one_operation() {
    let mut operation = Operation::Ready(Active::new(EXACT, true, true));
    assert!(operation.waits_for_auth().is_some());
    operation.authenticate();
    assert_eq!(operation.waits_for_auth(), None);
    let mut bytes = [0; 16];
    assert_eq!(operation.once(b"ab", &mut Output::buffer(&mut bytes)), Ok(()));
}

#[test]
fn a_logout_ends_operations_with_private_keys_only() {
    let mut private = Operation::Ready(Active::new(EXACT, false, true));
    private.logout();
    assert_eq!(name(&private), "Idle");
    let mut public = ready(EXACT);
    public.logout();
    assert_eq!(name(&public), "Ready");
}
