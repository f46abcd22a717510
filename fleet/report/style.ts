/** Style sheet of every page. It follows the system's dark mode, and prints in light colors. */
export const STYLE = `:root {
  color-scheme: light dark;
  --ink: #1c2128; --soft: #59636e; --line: #d5dae0; --paper: #fff; --good: #0a6b6b; --warning: #835500; --bad: #b3122a;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --soft: #9aa4af; --line: #3a424b; --paper: #15191e; --good: #4fd1c5; --warning: #e5b567; --bad: #ff7b8a; }
}
@media print {
  :root {
    color-scheme: light;
    --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --good: #0a6b6b; --warning: #835500; --bad: #b3122a;
  }
  section, figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2; }
h2 { margin: 2.75rem 0 .75rem; font-size: 1.2rem; }
h1, .result, dd { overflow-wrap: anywhere; }
td { overflow-wrap: break-word; }
.result { margin: 0 0 1.5rem; padding: .6rem .9rem; border-left: 4px solid; font-weight: 600; font-size: 1.05rem; }
.good { color: var(--good); }
.warning { color: var(--warning); }
.bad { color: var(--bad); }
td.good, td.warning, td.bad { font-weight: 600; white-space: nowrap; }
dl { display: grid; gap: .15rem; margin: 0; }
dl div { display: grid; grid-template-columns: 11rem 1fr; }
dt, .note, .quiet, figcaption { color: var(--soft); }
dd { margin: 0; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .93rem; }
th, td { padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.number + :not(.number) { padding-left: 1rem; }
figure { margin: 0 0 1rem; }
figcaption { margin-bottom: .25rem; font-size: .93rem; }
svg { display: block; width: 100%; min-width: 40rem; height: auto; }
.note { font-size: .93rem; }`;
