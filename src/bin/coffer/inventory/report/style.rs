//! The looks of the page, by day and by night.

pub const SHEET: &str = "
:root{--ground:#f6f7f9;--panel:#fff;--ink:#1b2430;--quiet:#667085;--line:#e3e7ee;--accent:#2f6fdb;--good:#1f8a5b;
--good-soft:#dff3e9;--warning:#9a6700;--warning-soft:#fdf0cd;--bad:#c0322b;--bad-soft:#fce4e2;--soft:#eceff4}
@media (prefers-color-scheme:dark){:root{--ground:#10151c;--panel:#182029;--ink:#e6ebf2;--quiet:#93a0b4;--line:#2a3542;
--accent:#6ea3ff;--good:#4cc38a;--good-soft:#143526;--warning:#f0b849;--warning-soft:#3a2c0b;--bad:#ff7b72;
--bad-soft:#431a18;--soft:#232d39}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
main{max-width:1160px;margin:0 auto;padding:40px 24px 64px}
header{margin-bottom:28px}
h1{margin:0;font-size:32px;line-height:1.2;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{margin:36px 0 12px;font-size:18px}
.eyebrow{margin:0 0 4px;color:var(--accent);font-size:12px;font-weight:600;letter-spacing:.08em;text-transform:uppercase}
.meta{margin:6px 0 0;color:var(--quiet)}
.quiet{color:var(--quiet);font-weight:400}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px;margin:0;padding:0;list-style:none}
.card{padding:14px 16px;border:1px solid var(--line);border-radius:12px;background:var(--panel)}
.card b{display:block;font-size:28px;line-height:1.1;font-variant-numeric:tabular-nums}
.card span{color:var(--quiet);font-size:13px}
.card.good b{color:var(--good)}.card.warning b{color:var(--warning)}.card.bad b{color:var(--bad)}
.findings{margin:0;padding:0;list-style:none;border:1px solid var(--line);border-radius:12px;background:var(--panel);
overflow:hidden}
.finding{padding:12px 16px;border-left:4px solid var(--line)}
.finding+.finding{border-top:1px solid var(--line)}
.finding.bad{border-left-color:var(--bad)}.finding.warning{border-left-color:var(--warning)}.finding.good{border-left-color:var(--good)}
.finding p{margin:2px 0 0;color:var(--quiet)}
.tag{display:inline-block;margin-right:8px;padding:1px 8px;border-radius:999px;background:var(--soft);color:var(--quiet);
font-size:12px;font-weight:600;white-space:nowrap}
.tag.good{background:var(--good-soft);color:var(--good)}.tag.warning{background:var(--warning-soft);color:var(--warning)}
.tag.bad{background:var(--bad-soft);color:var(--bad)}
.panel,.bars{border:1px solid var(--line);border-radius:12px;background:var(--panel);padding:14px 16px}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}
svg .kind,svg .year-label{fill:var(--quiet);font-size:11px}
svg .year{stroke:var(--line)}
svg .now{stroke:var(--accent);stroke-width:2;stroke-dasharray:4 3}
svg .now-label{fill:var(--accent);font-weight:600;font-size:11px}
rect.protect{fill:var(--quiet)}rect.protect.good{fill:var(--good)}rect.protect.warning{fill:var(--warning)}
rect.protect.bad{fill:var(--bad)}
rect.process{fill:var(--quiet);opacity:.28}
.legend{margin:8px 0 0;color:var(--quiet);font-size:12px}
.key{display:inline-block;width:18px;height:10px;margin:0 6px 0 10px;border-radius:3px;background:var(--good)}
.key.process{background:var(--quiet);opacity:.28}
table{border-collapse:collapse;width:100%}
.bars{display:block}
.bars th{padding:4px 14px 4px 0;text-align:left;font-weight:500;white-space:nowrap}
.bars td{padding:4px 0;font-variant-numeric:tabular-nums}
.bars .bar{width:100%;padding-right:12px}
.bars .bar span{display:block;height:12px;border-radius:4px;background:var(--accent)}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:12px;background:var(--panel)}
.objects th,.objects td{padding:9px 12px;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
.objects tr:last-child td{border-bottom:0}
.objects th{color:var(--quiet);font-size:12px;font-weight:600;white-space:nowrap}
.objects td{font-size:13px}
.objects td:first-child{min-width:170px;font-weight:600;overflow-wrap:anywhere}
.objects td:nth-child(5),.objects td:nth-child(4){white-space:nowrap}
code{font:12px ui-monospace,Consolas,monospace}
@media print{body{background:#fff}main{padding:0}}
";
