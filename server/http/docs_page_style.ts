/** The page's one stylesheet: no font, picture or script from anywhere. */
export const docsPageStyle = `
:root { color-scheme: light dark; --ink: #1c2128; --soft: #59636e; --line: #d5dae0; --paper: #fff; --block: #f5f7f9; --link: #0b5cad; --mark: #fff5cc }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e2e6eb; --soft: #9aa4b0; --line: #363d47; --paper: #14171b; --block: #1d2127; --link: #7ab8ff; --mark: #3a3413 }
}
* { box-sizing: border-box }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100% }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 6rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif }
a { color: var(--link) }
h1 { margin: 0; font-size: 2rem; line-height: 1.2 }
h2 { margin: 2.75rem 0 .75rem; padding-top: 1.75rem; border-top: 1px solid var(--line); font-size: 1.5rem; line-height: 1.25 }
h3 { margin: 2.25rem 0 .5rem; font-size: 1.1rem; line-height: 1.35; overflow-wrap: anywhere }
h4 { margin: 0 0 .4rem; font-size: .95rem }
p { margin: .5rem 0; max-width: 46rem }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0; padding: 0; list-style: none }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .875em }
pre { margin: 0 0 .5rem; padding: .7rem .8rem; border: 1px solid var(--line); border-radius: 6px; background: var(--block); font-size: .8125rem; line-height: 1.5; white-space: pre-wrap; overflow-wrap: anywhere }
pre.answer { border-style: dashed; background: none; color: var(--soft) }
ol.steps { margin: 0; padding: 0; list-style: none }
ol.steps > li { display: grid; grid-template-columns: 1fr 1fr; gap: .1rem 1.25rem; padding: 1.1rem 0; border-bottom: 1px solid var(--line) }
ol.steps > li > h4, ol.steps > li > p { grid-column: 1 / -1 }
ol.steps > li > div { min-width: 0 }
.side { margin: 0 0 .25rem; color: var(--soft); font-size: .8125rem }
.note { margin: 0; color: var(--soft); font-size: .9375rem }
@media (min-width: 44rem) {
  .differences td:first-child { width: 22% }
  .differences td:nth-child(2) { width: 33% }
}
table { width: 100%; border-collapse: collapse; font-size: .9375rem }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
th { font-weight: 600 }
tbody th { padding-top: 1.1rem }
dl { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .3rem 1.25rem; margin: .5rem 0; font-size: .9375rem }
dt { color: var(--soft) }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
dt code { color: var(--ink) }
.reasons { display: flex; flex-wrap: wrap; gap: .1rem .9rem }
.reasons a { text-decoration: none }
.reasons a:hover { text-decoration: underline }
article { padding-bottom: .75rem }
article + article { border-top: 1px solid var(--line) }
article h3 { margin-top: 1.25rem }
:target { background: var(--mark) }
@media (max-width: 44rem) {
  h1 { font-size: 1.6rem }
  ol.steps > li { grid-template-columns: 1fr }
  dl { grid-template-columns: 1fr; gap: .1rem }
  dd { margin-bottom: .5rem }
  thead { display: none }
  table, tbody, tr, th, td { display: block }
  td { padding: 0; border: 0 }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line) }
  th { padding: 0; border: 0 }
  tbody th { padding-top: .75rem; font-size: 1.05rem }
  .list td:nth-child(-n+2) { display: inline-block; padding-right: .75rem }
  .differences td:first-child { color: var(--soft); font-size: .8125rem }
  td[data-side]::before { content: attr(data-side); color: var(--soft) }
}
`;
