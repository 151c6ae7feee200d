/** The report page's only style sheet. It names no address, and nothing in the page needs another. */
export const REPORT_PAGE_STYLE = `
:root { color-scheme: light; font: 16px/1.45 system-ui, 'Helvetica Neue', Arial, sans-serif; color: #1a1a1a; background: #f3f5f7; }
body { margin: 0; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 8px; }
p { margin: 4px 0; }
code { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: .8rem; overflow-wrap: anywhere; }
.faint { color: #595959; font-size: .875rem; }
.scores { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
.scores div, section, figure { background: #fff; border: 1px solid #dde1e6; border-radius: 8px; }
.scores div { padding: 12px 14px; }
dt { color: #595959; font-size: .875rem; }
dd { margin: 0; font-size: 1.4rem; font-weight: 600; font-variant-numeric: tabular-nums; }
dd + dd { font-size: .8rem; font-weight: 400; color: #595959; }
.columns { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; margin-bottom: 16px; align-items: start; }
.stack { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; }
figure { margin: 0; padding: 4px; text-align: center; }
figure svg { max-width: 100%; height: auto; }
section { padding: 14px; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 6px; border-bottom: 1px solid #e8ebee; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th { color: #595959; font-weight: 500; }
tbody th { color: inherit; font-weight: 400; white-space: normal; overflow-wrap: anywhere; min-width: 5.5em; }
tr:last-child > * { border-bottom: 0; }
.sum > * { font-weight: 600; border-top: 1px solid #8a8f96; }
.parts td:last-child { color: #595959; }
@media (max-width: 480px) {
  main { padding: 16px 8px 32px; }
  section { padding: 12px; }
  figure { padding: 0; overflow: hidden; }
  table { font-size: .75rem; }
  th, td { padding: 4px 3px; }
}
@media (min-width: 960px) {
  .columns { grid-template-columns: 500px minmax(0, 1fr); }
  .pair { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
@media print { :root { background: #fff; } section, figure { break-inside: avoid; } }
`;
