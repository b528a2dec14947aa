//! The inventory as one HTML page: nothing is loaded from elsewhere, nothing runs in it, and what comes from labels is escaped.

mod style;
mod timeline;

use std::collections::BTreeMap;
use std::fmt::Write;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::policy::State;

use super::last_use::LastUse;
use super::{Asset, day, iso};
use crate::output;

/// What the page is about.
pub struct Page<'a> {
    pub token: &'a str,
    pub serial: &'a str,
    /// How the token holds its keys to their states: `enforce`, `warn` or `off`.
    pub mode: &'a str,
    pub policy: Option<&'a str>,
    /// Seconds since 1970 UTC.
    pub now: u64,
    pub assets: &'a [Asset],
}

/// Text as HTML shows it, in content and in quoted attributes.
pub fn escaped(text: &str) -> String {
    output::printable(text)
        .chars()
        .map(|char| match char {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '\'' => "&#39;".into(),
            char => char.to_string(),
        })
        .collect()
}

impl Page<'_> {
    pub fn html(&self) -> String {
        let token = escaped(self.token);
        let policy = self.policy.map(|name| format!(" · policy {}", escaped(name))).unwrap_or_default();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>Keys of {token}</title>\n<style>{style}</style>\n\
             </head>\n<body>\n<main>\n<header><p class=\"eyebrow\">Key inventory</p><h1>{token}</h1>\n\
             <p class=\"meta\">Serial number {serial} · life cycle {mode}{policy} · made on {now} by coffer {version}</p></header>\n\
             {cards}{findings}{timeline}{algorithms}{objects}</main>\n</body>\n</html>\n",
            style = style::SHEET,
            serial = escaped(self.serial),
            mode = escaped(self.mode),
            now = escaped(&iso(self.now).replace('T', " ").replace('Z', " UTC")),
            version = env!("CARGO_PKG_VERSION"),
            cards = self.cards(),
            findings = self.findings(),
            timeline = timeline::section(&self.told_once(), self.now),
            algorithms = self.algorithms(),
            objects = self.objects(),
        )
    }

    /// True for a public key whose private key is here, too: what is said of the pair is said of that.
    fn is_other_half(&self, asset: &Asset) -> bool {
        asset.entry.class == CKO_PUBLIC_KEY
            && self.assets.iter().any(|other| {
                other.entry.class == CKO_PRIVATE_KEY
                    && (other.entry.id(), other.entry.label()) == (asset.entry.id(), asset.entry.label())
            })
    }

    /// The objects, each pair once.
    fn told_once(&self) -> Vec<&Asset> {
        self.assets.iter().filter(|asset| !self.is_other_half(asset)).collect()
    }

    /// The counts at the top.
    fn cards(&self) -> String {
        let keys = self.assets.iter().filter(|asset| asset.state.is_some()).count();
        let in_state = |state| self.assets.iter().filter(|asset| asset.state == Some(state)).count();
        let attention = self.assets.iter().filter(|asset| asset.wants_attention()).count();
        let others = self.assets.len() - keys;
        let tone = if attention == 0 { "good" } else { "bad" };
        let cards = [
            ("keys", keys, ""),
            ("active", in_state(State::Active), "good"),
            ("pre-active", in_state(State::PreActive), ""),
            ("suspended", in_state(State::Suspended), "warning"),
            ("deactivated", in_state(State::Deactivated), ""),
            ("compromised", in_state(State::Compromised), "bad"),
            ("certificates and data", others, ""),
            ("want attention", attention, tone),
        ];
        let shown = cards
            .iter()
            .enumerate()
            .filter(|(index, (_, count, _))| *count > 0 || matches!(index, 0 | 1 | 7));
        let shown: String = shown
            .map(|(_, (name, count, tone))| {
                format!("<li class=\"card {tone}\"><b>{count}</b><span>{name}</span></li>")
            })
            .collect();
        format!("<ul class=\"cards\">{shown}</ul>\n")
    }

    fn findings(&self) -> String {
        let mut rows = String::new();
        for attention in [true, false] {
            for asset in self.assets.iter().filter(|asset| !self.is_other_half(asset)) {
                for finding in asset.findings.iter().filter(|finding| finding.attention == attention) {
                    let tone = match finding.code {
                        "expiring" | "suspended" | "nearly-exhausted" => "warning",
                        _ if attention => "bad",
                        _ => "",
                    };
                    let _ = write!(
                        rows,
                        "<li class=\"finding {tone}\"><span class=\"tag {tone}\">{}</span><b>{}</b> \
                         <span class=\"quiet\">{}</span><p>{}</p></li>",
                        escaped(finding.code),
                        escaped(&title(asset)),
                        escaped(&format!("{} {}", asset.entry.class_name(), asset.entry.kind())),
                        escaped(&finding.text)
                    );
                }
            }
        }
        if rows.is_empty() {
            rows = "<li class=\"finding good\"><span class=\"tag good\">none</span>Nothing wants attention.</li>".into();
        }
        format!("<section id=\"findings\"><h2>Findings</h2><ul class=\"findings\">{rows}</ul></section>\n")
    }

    /// How many keys there are of each kind.
    fn algorithms(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for asset in self.assets.iter().filter(|asset| asset.state.is_some()) {
            *counts.entry(asset.entry.kind()).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or(1);
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rows: String = counts
            .iter()
            .map(|(kind, count)| {
                format!(
                    "<tr><th scope=\"row\">{}</th><td class=\"bar\"><span style=\"width:{}%\"></span></td><td>{count}</td></tr>",
                    escaped(kind),
                    (count * 100 / most).max(2)
                )
            })
            .collect();
        if rows.is_empty() {
            return String::new();
        }
        format!(
            "<section id=\"algorithms\"><h2>Algorithms</h2><table class=\"bars\">{rows}</table></section>\n"
        )
    }

    fn objects(&self) -> String {
        let mut rows = String::new();
        for asset in self.assets {
            let state = asset.state.map(State::name).unwrap_or_default();
            let badge = if state.is_empty() {
                String::new()
            } else {
                format!("<span class=\"tag {}\">{state}</span>", tone(asset))
            };
            let left = match asset.days_left(self.now) {
                Some(days) if days >= 0 => format!("{days} d left"),
                Some(_) => "over".into(),
                None => String::new(),
            };
            let until = asset.protect_stop.map(day).unwrap_or_default();
            let copies = asset.copies.filter(|copies| *copies > 0).map(|copies| copies.to_string());
            let cells = [
                escaped(&title(asset)),
                escaped(&asset.entry.class_name()),
                escaped(&asset.entry.kind()),
                badge,
                format!("{until} <span class=\"quiet\">{left}</span>"),
                escaped(&asset.entry.uses().join(" ")),
                escaped(&asset.entry.protection().join(", ")),
                escaped(&asset.purpose),
                escaped(&asset.owner),
                copies.unwrap_or_default(),
                asset.last_use.map(LastUse::told).unwrap_or_default(),
                format!("<code>{}</code>", output::hex(asset.entry.id())),
            ];
            let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
            let _ = write!(rows, "<tr>{cells}</tr>");
        }
        let headings = [
            "Label",
            "Type",
            "Kind",
            "State",
            "Protects until",
            "Uses",
            "Protection",
            "Purpose",
            "Owner",
            "Copies",
            "Last used",
            "Id",
        ];
        let headings: String =
            headings.iter().map(|heading| format!("<th scope=\"col\">{heading}</th>")).collect();
        format!(
            "<section id=\"objects\"><h2>Objects</h2><div class=\"scroll\"><table class=\"objects\"><thead><tr>{headings}</tr>\
             </thead><tbody>{rows}</tbody></table></div></section>\n"
        )
    }
}

/// The label, or what stands for it.
fn title(asset: &Asset) -> String {
    let label = asset.entry.label();
    if label.is_empty() { "(no label)".into() } else { label }
}

/// The class in the style sheet for a key's state.
fn tone(asset: &Asset) -> &'static str {
    match asset.state {
        Some(State::Active) => "good",
        Some(State::Suspended) => "warning",
        Some(State::Compromised | State::Destroyed) => "bad",
        Some(State::PreActive | State::Deactivated) | None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_label_cannot_become_markup() {
        assert_eq!(
            escaped("<script>\"a\" & 'b'</script>\u{1b}"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;\\u{1b}"
        );
    }
}
