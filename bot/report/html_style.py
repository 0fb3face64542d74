"""The look of the HTML report: one style sheet, light, dark and on paper.

Plain rules, no foreign fonts, no images. Numbers are tabular so that columns
line up; curves differ by stroke as well as by colour. This module holds text
only and must not know what a report says.
"""

from typing import Final

__all__ = ["STYLE"]

_COLOURS: Final = """
:root{color-scheme:light dark;
--paper:#fbfaf7;--card:#ffffff;--ink:#1d2126;--soft:#5c6570;--line:#dcd9d1;
--faint:#eceae4;--guard:#0b5cad;--twin:#a2542a;--calm:#1a7346;--caution:#8a5a00;
--danger:#b3261e;--calm-wash:#e9f4ee;--caution-wash:#fdf3dc;--danger-wash:#fbe9e7;
--p1:#0b5cad;--p2:#7a4fb3;--p3:#16807a;--p4:#a2542a;--p5:#6b7280;--p6:#b3366b}
@media (prefers-color-scheme:dark){:root{
--paper:#14171b;--card:#1b1f24;--ink:#e6e8ea;--soft:#9aa4ae;--line:#343a42;
--faint:#262b31;--guard:#6cb2f7;--twin:#e39a6c;--calm:#6fcf97;--caution:#e8b64c;
--danger:#ff8a80;--calm-wash:#18291f;--caution-wash:#2c2617;--danger-wash:#321d1c;
--p1:#6cb2f7;--p2:#bda0ef;--p3:#5fcbc3;--p4:#e39a6c;--p5:#a8b0ba;--p6:#f08bb4}}
"""

_TEXT: Final = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;
font-variant-numeric:tabular-nums lining-nums}
main,header,footer,nav{max-width:1040px;margin:0 auto;padding:0 24px}
header{padding-top:36px}
h1{font-size:30px;line-height:1.2;margin:10px 0 4px;letter-spacing:-.01em;
font-weight:650;overflow-wrap:anywhere}
h2{font-size:20px;margin:52px 0 6px;padding-top:16px;border-top:1px solid var(--line);
font-weight:650}
h3{font-size:15px;margin:28px 0 4px;font-weight:650}
p{margin:6px 0 12px;max-width:72ch}
.soft,.none{color:var(--soft)}
.none{font-style:italic}
a{color:var(--guard)}
code{font:.92em ui-monospace,"SF Mono",Menlo,Consolas,monospace;
overflow-wrap:anywhere}
.brand{font-size:13px;letter-spacing:.14em;text-transform:uppercase;
color:var(--soft)}
.banner{display:inline-block;margin-left:12px;padding:2px 10px;border-radius:3px;
letter-spacing:.08em;font-weight:650;border:1.5px solid currentColor}
.tone-calm{color:var(--calm)}.tone-caution{color:var(--caution)}
.tone-danger{color:var(--danger)}.tone-neutral{color:var(--soft)}
nav{font-size:14px;padding-top:10px}
nav a{margin-right:16px;white-space:nowrap;text-decoration:none}
nav a:hover{text-decoration:underline}
.verdict{margin:24px 0 8px;padding:20px 24px;border:1px solid var(--line);
border-left-width:5px;background:var(--card);border-radius:4px}
.verdict.tone-calm{border-left-color:var(--calm)}
.verdict.tone-danger{border-left-color:var(--danger)}
.verdict.tone-neutral{border-left-color:var(--soft)}
.verdict p{color:var(--ink);margin:4px 0}
.verdict .headline{font-size:21px;font-weight:650;margin:0 0 6px}
.verdict .last{font-weight:650}
.notice{padding:8px 14px;border-left:3px solid var(--caution);
background:var(--caution-wash);max-width:none}
"""

_TABLES: Final = """
.scroll{overflow-x:auto;margin:10px 0 4px}
table{border-collapse:collapse;font-size:14.5px;min-width:50%}
caption{text-align:left;color:var(--soft);font-size:13.5px;padding:0 0 6px}
th,td{text-align:left;vertical-align:top;padding:5px 18px 5px 0;
border-bottom:1px solid var(--faint)}
thead th{border-bottom:1px solid var(--line);font-weight:600;color:var(--soft);
font-size:13px;white-space:nowrap}
tbody th{font-weight:500}
td.num,th.num{text-align:right;white-space:nowrap}
td.when{white-space:nowrap;color:var(--soft)}
td.wide{min-width:15em}td.some{min-width:8em}
td.who,td.id,td.what,td.id code{white-space:nowrap}
tr.total th,tr.total td{border-top:1px solid var(--ink);font-weight:650}
.side td,.side th{padding-right:40px}
.side td.num{font-size:16px}
.bar{display:block;width:180px;height:14px}
.bar .gain{fill:var(--calm)}.bar .loss{fill:var(--danger)}
.bar line{stroke:var(--soft);stroke-width:1}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 22px;font-size:14.5px;
margin:10px 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
ul{padding-left:20px;margin:8px 0}li{margin:3px 0;max-width:78ch}
"""

_CHARTS: Final = """
figure{margin:14px 0 26px}
figcaption{font-size:14px;color:var(--soft);margin-bottom:4px}
figcaption strong{color:var(--ink);font-weight:650;margin-right:10px}
.key{white-space:nowrap;margin-right:16px}
.key svg{width:30px;height:10px;vertical-align:middle;margin-right:6px}
figure .scroll svg{display:block;width:100%;min-width:680px;height:auto}
svg .grid{stroke:var(--faint);stroke-width:1}
svg .axis{stroke:var(--line);stroke-width:1}
svg text{fill:var(--soft);font-size:12px;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
svg .rule-label{font-size:11.5px}
svg polyline,svg .stroke{fill:none;stroke-width:1.8;stroke-linejoin:round;
stroke-linecap:round}
svg .guard{stroke:var(--guard)}
svg .twin{stroke:var(--twin);stroke-dasharray:5 4;stroke-width:1.6}
svg .p1{stroke:var(--p1)}svg .p2{stroke:var(--p2);stroke-dasharray:7 3}
svg .p3{stroke:var(--p3);stroke-dasharray:2 3}
svg .p4{stroke:var(--p4);stroke-dasharray:9 3 2 3}
svg .p5{stroke:var(--p5);stroke-dasharray:4 2}
svg .p6{stroke:var(--p6);stroke-dasharray:1 4}
svg .dot{fill:currentColor;stroke-width:2}
svg .band-caution{fill:var(--caution-wash)}
svg .band-danger{fill:var(--danger-wash)}
svg .rule-caution{stroke:var(--caution);stroke-width:1;stroke-dasharray:3 3}
svg .rule-danger{stroke:var(--danger);stroke-width:1.2}
svg .rule-calm{stroke:var(--calm);stroke-width:1;stroke-dasharray:6 3}
svg .mark line{stroke:var(--soft);stroke-width:.7;stroke-opacity:.45}
svg .mark path{fill:var(--guard)}
svg .mark-danger line{stroke:var(--danger);stroke-width:.9;stroke-opacity:.7}
svg .mark-danger path{fill:var(--danger)}
footer{margin-top:56px;padding-top:14px;padding-bottom:48px;
border-top:1px solid var(--line);font-size:14px;color:var(--soft)}
"""

_PRINT: Final = """
@media (max-width:640px){main,header,footer,nav{padding-left:16px;
padding-right:16px}h1{font-size:24px}dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:6px}.side td,.side th{padding-right:18px}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;
--faint:#ddd;--guard:#0b5cad;--twin:#a2542a;--calm:#1a7346;--caution:#8a5a00;
--danger:#b3261e;--calm-wash:#e9f4ee;--caution-wash:#fdf3dc;--danger-wash:#fbe9e7}
body{font-size:11pt}nav{display:none}main,header,footer{max-width:none;padding:0}
h2,h3{break-after:avoid}figure,tr{break-inside:avoid}.scroll{overflow:visible}
figure .scroll svg{min-width:0}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""

STYLE: Final = (_COLOURS + _TEXT + _TABLES + _CHARTS + _PRINT).replace("\n", "")
"""The whole style sheet on one line."""
