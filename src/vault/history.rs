//! What has happened since a revision: the answer to [`super::Vault::refresh`].

use std::collections::{HashSet, VecDeque};

use super::recover::Event;
use super::types::{Changes, Revision};
use crate::reserve;

/// So many changed records are remembered; who is further behind reads everything again.
const REMEMBERED: usize = 4096;

/// The last transactions, in order.
pub(super) struct History {
    events: VecDeque<Event>,
    remembered: usize,
    /// Everything after this generation is in `events`.
    start: u64,
    now: u64,
    /// Revisions before this one belong to an earlier initialisation.
    born: u64,
}

impl History {
    pub(super) fn new(generation: u64) -> Self {
        Self { events: VecDeque::new(), remembered: 0, start: generation, now: generation, born: 0 }
    }

    /// The token was initialised anew, which made this generation.
    pub(super) fn reborn(generation: u64) -> Self {
        Self { born: generation, ..Self::new(generation) }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.now = event.generation;
        // A transaction counts for one even when it changed no records.
        self.remembered += event.ids.len() + 1;
        self.events.push_back(event);
        while self.remembered > REMEMBERED {
            let Some(oldest) = self.events.pop_front() else { break };
            self.remembered -= oldest.ids.len() + 1;
            self.start = oldest.generation;
        }
    }

    pub(super) fn since(&self, since: Revision) -> Changes {
        let revision = Revision(self.now);
        if since.0 < self.born {
            return Changes::Reinitialised { revision };
        }
        if since.0 >= self.now {
            return Changes::None;
        }
        if since.0 < self.start {
            return Changes::All { revision };
        }
        let mut seen = HashSet::new();
        reserve::need(seen.try_reserve(self.remembered));
        let mut ids = Vec::new();
        let mut info = false;
        // Few events are new, and they are at the end.
        for event in self.events.iter().rev().take_while(|event| event.generation > since.0) {
            info |= event.info;
            ids.extend(event.ids.iter().rev().filter(|id| seen.insert(**id)));
        }
        ids.reverse();
        Changes::Records { revision, ids, info }
    }
}

#[cfg(test)]
mod tests {
    use super::super::types::RecordId;
    use super::*;

    fn event(generation: u64, ids: &[u8]) -> Event {
        Event { generation, ids: ids.iter().map(|id| RecordId([*id; 16])).collect(), info: false }
    }

    #[test]
    fn each_changed_record_is_named_once() {
        let mut history = History::new(5);
        history.push(event(6, &[1, 2]));
        history.push(event(7, &[2, 3]));
        assert_eq!(history.since(Revision(7)), Changes::None);
        assert_eq!(history.since(Revision(4)), Changes::All { revision: Revision(7) });
        let Changes::Records { ids, revision, .. } = history.since(Revision(5)) else { panic!() };
        assert_eq!((ids, revision), (event(0, &[1, 2, 3]).ids, Revision(7)));
        let Changes::Records { ids, .. } = history.since(Revision(6)) else { panic!() };
        assert_eq!(ids, event(0, &[2, 3]).ids);
    }

    #[test]
    fn who_is_too_far_behind_reads_everything() {
        let mut history = History::new(0);
        for generation in 1..=10_000 {
            history.push(event(generation, &[1]));
        }
        assert!(matches!(history.since(Revision(1)), Changes::All { .. }));
        assert!(matches!(history.since(Revision(9_999)), Changes::Records { .. }));
    }
}
